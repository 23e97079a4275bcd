import { LEVELS, tileAt, tileSpan } from './level.ts';
import type { TileSet, Want } from './tilecache.ts';

/** What is on the screen, at which level, and up to where history is needed: behind it the live samples are. */
export interface Sight {
  readonly level: number;
  readonly from: number;
  readonly to: number;
  readonly needTo: number;
}

/**
 * The tiles to fetch: those on the screen, first a coarse one where there is
 * nothing at all to draw; then the neighbours on both sides, and what a step of
 * zooming out or in needs.
 */
export function wantsOf(set: TileSet, sight: Sight): Want[] {
  const list: Want[] = [];
  const add = (level: number, from: number, to: number, priority: number): void => {
    if (level < 0 || level >= LEVELS.length) return;
    for (let i = tileAt(level, from); i * tileSpan(level) < to; i++) {
      if (!set.satisfied(level, i, sight.needTo)) list.push({ level, index: i, priority });
    }
  };
  const { level, from, to } = sight;
  if (set.pieces(level, from, to).length === 0) add(level + 3, from, to, 0);
  add(level, from, to, 1);
  const [half, quarter] = [(to - from) / 2, (to - from) / 4];
  add(level + 1, from - half, to + half, 2); // a step of zoom doubles or halves the span
  add(level - 1, from + quarter, to - quarter, 3);
  add(level, from - tileSpan(level) / 2, from, 4);
  add(level, to, to + tileSpan(level) / 2, 4);
  add(level + 4, from - (to - from) * 4, to, 5);
  return unique(list);
}

function unique(list: Want[]): Want[] {
  const seen = new Set<string>();
  return list.filter((w) => {
    const key = `${w.level}/${w.index}`;
    return !seen.has(key) && seen.add(key);
  });
}
