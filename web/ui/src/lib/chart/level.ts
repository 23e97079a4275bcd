import { DAY, HOUR, MINUTE, SECOND } from './timescale.ts';

/**
 * The zoom levels of history: widths of buckets in ms, all of them widths that
 * the server answers exactly (docs/protocol.md, History: a multiple of a quarter
 * of itself on its ladder of rollups). Parts of a ms are powers of two, so that times of tiles are exact.
 */
export const LEVELS: readonly number[] = [
  0.125, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500,
  ...[1, 2, 5, 10, 20].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 20].map((n) => n * MINUTE),
  ...[1, 2, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 28, 84, 336].map((n) => n * DAY),
];

/** Buckets of a tile at most. */
export const TILE_BUCKETS = 1024;

export const widthOf = (level: number): number => LEVELS[level] as number;

/** Time that a tile of the level covers. */
export const tileSpan = (level: number): number => widthOf(level) * TILE_BUCKETS;

/** The tile of the level that holds the time. */
export const tileAt = (level: number, time: number): number => Math.floor(time / tileSpan(level));

/** The coarsest level that has a bucket for every column. */
export function levelFor(msPerColumn: number): number {
  let level = 0;
  while (level + 1 < LEVELS.length && widthOf(level + 1) <= msPerColumn) level++;
  return level;
}
