import { describe, expect, it } from 'vitest';
import { Series } from './series.ts';
import { rowsOf, summaryOf } from './summary.ts';
import { emptyTile } from './tile.ts';
import { TileCache } from './tilecache.ts';

const T0 = 1.7e12;

function series(value: (i: number) => number, n = 600): Series {
  const s = new Series({ label: 'x', unit: '', colour: 1, rate: 10, fetch: async (_, a, b) => emptyTile(a, b) }, new TileCache());
  s.append(Array.from({ length: n }, (_, i) => T0 + 100 * i), Array.from({ length: n }, (_, i) => value(i)));
  return s;
}

describe('a summary', () => {
  it('has each measurement in one row', () => {
    const rows = rowsOf(series((i) => i), T0 + 100, T0 + 60_000, 20, 50);
    expect(rows.length).toBe(20);
    expect(rows.reduce((n, r) => n + r.count, 0)).toBe(599);
    expect([rows[0]?.min, rows.at(-1)?.max]).toEqual([1, 599]);
  });

  it('says value, range, trend and rate', () => {
    expect(summaryOf(series((i) => 60 + i / 60), T0, T0 + 60_000, 50)).toMatchObject({ count: 599, min: 60 + 1 / 60, rate: 10 }); // the first is the history's;
    expect(summaryOf(series((i) => 60 + i / 60), T0, T0 + 60_000, 50)?.perMinute).toBeCloseTo(10, 0);
  });

  it('does not take a wave for a trend, and nothing for something', () => {
    expect(summaryOf(series((i) => Math.sin(i / 5)), T0, T0 + 60_000, 50)?.perMinute).toBe(0);
    expect(summaryOf(series(() => 1), T0 - 60_000, T0 - 30_000, 50)).toBeNull();
  });
});
