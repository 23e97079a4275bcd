import { columnOf, type Columns } from './columns.ts';
import { Flag } from './ring.ts';
import { tileLowerBound, type Tile } from './tile.ts';

/**
 * Adds what the tile has of the stretch from (inclusive) to (exclusive) to the
 * columns. A bucket that is narrower than a column belongs to the column of its
 * middle; a wider one fills every column that it covers, so that a coarse level
 * shows as a band of the right height. `before` is the time of the last
 * measurement before the stretch; returns that of the last one in it.
 */
export function addTile(columns: Columns, tile: Tile, from: number, to: number, msPerColumn: number, gapMS: number, before: number): number {
  for (let i = tileLowerBound(tile, from); i < tile.count; i++) {
    const begin = tile.begin[i] as number;
    if (begin >= to) break;
    const end = tile.end[i] as number;
    const flags = begin - before > gapMS ? Flag.gap : 0;
    if (tile.width <= msPerColumn) addNarrow(columns, tile, i, columnOf((begin + end) / 2, msPerColumn), flags);
    else addWide(columns, tile, i, columnOf(begin, msPerColumn), columnOf(end, msPerColumn), flags);
    before = end;
  }
  return before;
}

function addNarrow(columns: Columns, t: Tile, i: number, column: number, flags: number): void {
  const at = column - columns.start;
  if (at < 0 || at >= columns.length) return;
  columns.add(at, t.first[i] as number, t.min[i] as number, t.max[i] as number, t.last[i] as number, t.counts[i] as number, flags);
}

function addWide(columns: Columns, t: Tile, i: number, from: number, to: number, flags: number): void {
  const a = Math.max(0, from - columns.start);
  const b = Math.min(columns.length - 1, to - columns.start);
  const [min, max] = [t.min[i] as number, t.max[i] as number];
  for (let at = a; at <= b; at++) {
    const first = at === from - columns.start ? (t.first[i] as number) : min;
    const last = at === to - columns.start ? (t.last[i] as number) : max;
    columns.add(at, first, min, max, last, t.counts[i] as number, at === a ? flags : 0);
  }
}
