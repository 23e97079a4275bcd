import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnOf, Columns } from './columns.ts';
import { LEVELS, tileSpan, widthOf } from './level.ts';
import { nextUp, Series } from './series.ts';
import { tileOfBuckets, tileOfSamples, type TestBucket, type TestSample } from './testing/tiles.ts';
import type { Tile } from './tile.ts';
import { TileCache } from './tilecache.ts';

const T0 = Math.ceil(1.7e12 / tileSpan(12)) * tileSpan(12);

/** What the server answers for the samples: all of them where they are few, else buckets. */
function answer(samples: readonly TestSample[], level: number, from: number, to: number, few = 64): Tile {
  const inside = samples.filter((s) => s.timestamp >= from && s.timestamp < to);
  if (inside.length <= few) return tileOfSamples(from, to, inside);
  const width = widthOf(level);
  const buckets = new Map<number, number[][]>();
  for (const s of inside) {
    const k = Math.floor(s.timestamp / width);
    buckets.set(k, [...(buckets.get(k) ?? []), [s.timestamp, s.payload]]);
  }
  const list: TestBucket[] = [...buckets.values()].map((b) => {
    const v = b.map((x) => x[1] as number);
    return { min: Math.min(...v), max: Math.max(...v), mean: v.reduce((a, c) => a + c) / v.length, first: v[0] as number, last: v.at(-1) as number, count: v.length, from: b[0]?.[0] as number, to: b.at(-1)?.[0] as number };
  });
  return tileOfBuckets(from, to, width, list);
}

function series(samples: () => readonly TestSample[], rate = 0, few = 64): Series {
  const s = new Series({ label: 'x', unit: 'mV', colour: 1, rate, fetch: async (level, from, to) => answer(samples(), level, from, to, few) }, new TileCache({ concurrency: 99 }));
  s.tiles.knownTo = () => Infinity;
  return s;
}

async function load(s: Series, from: number, to: number, msPerColumn: number): Promise<void> {
  s.want(from, to, msPerColumn);
  for (let i = 0; i < 20 && s.tiles.wanted.length > 0; i++) await new Promise((r) => setTimeout(r, 0));
}

const every = (ms: number, n: number, value: (i: number) => number, from = T0): TestSample[] =>
  Array.from({ length: n }, (_, i) => ({ timestamp: from + i * ms, payload: value(i) }));

const measurement = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: -99, max: 99 }));
/** Times and values, any of them or each time once. */
const measurements = fc.oneof(
  fc.array(measurement, { minLength: 1, maxLength: 120 }),
  fc.uniqueArray(measurement, { minLength: 1, maxLength: 120, selector: ([time]) => time }),
);

describe('Series', () => {
  it('shows each sample once, whatever is history and what is live', async () => {
    await fc.assert(
      fc.asyncProperty(
        measurements,
        fc.nat(120), fc.nat(60), fc.constantFrom(0.5, 1, 3, 10), fc.constantFrom(0, 10, 1000),
        async (list, stored, overlap, msPerColumn, few) => {
          const all = list.sort((a, b) => a[0] - b[0]).map(([t, v]) => ({ timestamp: T0 + t, payload: v }));
          // The history was read when `stored` samples were there, the live ones began `overlap` earlier.
          const live = all.slice(Math.max(0, Math.min(stored, all.length) - overlap));
          // Live ones at the very time of the first are read from the history again, which has them by then.
          const first = live[0]?.timestamp ?? Infinity;
          const s = series(() => all.filter((x, i) => i < stored || x.timestamp <= first), 0, few);
          s.append(live.map((x) => x.timestamp), live.map((x) => x.payload));
          const [start, end] = [columnOf(T0, msPerColumn), columnOf(T0 + 400, msPerColumn) + 1];
          await load(s, T0, T0 + 401, msPerColumn);
          const c = new Columns();
          s.fill(c, start, end, msPerColumn);
          const min = Math.min(...all.map((x) => x.payload));
          const max = Math.max(...all.map((x) => x.payload));
          expect(c.range()).toEqual([min, max]); // no peak is lost
          const distinct = new Set(all.map((x) => x.timestamp)).size === all.length;
          if (few === 1000 || distinct) expect(c.count.subarray(0, c.length).reduce((a, b) => a + b, 0)).toBe(all.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('loses no peak at any zoom', async () => {
    const samples = every(1, 5000, (i) => (i === 3217 ? 50 : Math.sin(i / 20)));
    for (const msPerColumn of [0.2, 1, 4, 17, 60, 500, 60_000]) {
      const s = series(() => samples);
      await load(s, T0, T0 + 5000, msPerColumn);
      const c = new Columns();
      s.fill(c, columnOf(T0, msPerColumn), columnOf(T0 + 5000, msPerColumn) + 1, msPerColumn);
      expect(c.range()?.[1]).toBe(50);
      const at = Array.from(c.max.subarray(0, c.length)).findIndex((v, i) => c.count[i] !== 0 && v === 50) + c.start;
      expect(Math.abs(at - columnOf(T0 + 3217, msPerColumn))).toBeLessThanOrEqual(1);
    }
  });

  it('enters and leaves the screen on the line to the samples outside', async () => {
    const s = series(() => every(1000, 10, (i) => i), 1);
    await load(s, T0 + 2200, T0 + 2700, 5);
    const c = new Columns();
    s.fill(c, columnOf(T0 + 2200, 5), columnOf(T0 + 2700, 5), 5);
    expect(c.range()).toBeNull();
    expect([c.enter, c.leave]).toEqual([2.2, 2.7]);
  });

  it('leaves gaps open, also where they reach beyond the screen', async () => {
    const samples = [...every(100, 10, () => 1), ...every(100, 10, () => 2, T0 + 60_000)];
    const s = series(() => samples);
    await load(s, T0 + 30_000, T0 + 61_000, 50);
    const c = new Columns();
    s.fill(c, columnOf(T0 + 30_000, 50), columnOf(T0 + 61_000, 50), 50);
    expect(c.enter).toBeNaN();
    s.fill(c, columnOf(T0 + 20_000, 50), columnOf(T0 + 40_000, 50), 50);
    expect([c.enter, c.leave]).toEqual([NaN, NaN]);
  });

  it('reads late live samples of the history from there', async () => {
    const stored = every(10, 20, () => 0);
    const s = series(() => stored);
    await load(s, T0, T0 + 1000, 1);
    let changes = 0;
    s.changed = () => changes++;
    s.append([T0 + 500], [1]);
    stored.push({ timestamp: T0 + 205, payload: 9 });
    s.append([T0 + 205], [9]);
    expect([s.ring.length, changes > 0]).toEqual([1, true]);
    await load(s, T0, T0 + 1000, 1);
    const c = new Columns();
    s.fill(c, columnOf(T0, 1), columnOf(T0 + 1000, 1), 1);
    expect(c.range()).toEqual([0, 9]);
  });

  it('reads again what came merged, and shows the live samples until that is there', async () => {
    const stored = every(10, 200, (i) => i);
    const s = series(() => stored, 100);
    s.appendBucket({ min: 0, max: 99, first: 0, last: 99, count: 100, from: T0, to: T0 + 990 });
    s.append(stored.slice(100).map((x) => x.timestamp), stored.slice(100).map((x) => x.payload));
    const c = new Columns();
    const fill = (): void => s.fill(c, columnOf(T0, 10), columnOf(T0 + 2000, 10), 10);
    s.settle(30_000);
    s.want(T0, T0 + 2000, 10);
    fill();
    expect(c.count.subarray(0, 100).reduce((a, b) => a + b)).toBeLessThan(10);
    expect(c.count.subarray(100, 200).every((n) => n === 1)).toBe(true);
    await load(s, T0, T0 + 2000, 10);
    s.want(T0, T0 + 2000, 10);
    fill();
    expect(Array.from(c.count.subarray(0, 200))).toEqual(new Array(200).fill(1));
    expect(c.flags.subarray(0, 200).some((f) => f !== 0)).toBe(false);
  });

  it('reads exact samples, and buckets where the screen has no more', async () => {
    const samples = every(10, 3000, (i) => i);
    const fine = series(() => samples);
    await load(fine, T0, T0 + 500, 0.5);
    expect(fine.reading(T0 + 104, 20, 0.5)).toEqual({ kind: 'sample', time: T0 + 100, value: 10 });
    expect(fine.reading(T0 + 104, 2, 0.5)).toBeNull();
    const coarse = series(() => samples);
    await load(coarse, T0, T0 + 30_000, 1000);
    expect(coarse.reading(T0 + 5500, 1000, 1000)).toMatchObject({ kind: 'bucket', min: 500, max: 599, count: 100 });
  });

  it('draws the coarse level as a band until the fine one is there', async () => {
    const samples = every(1, 4000, (i) => (i % 2 ? 1 : -1));
    const s = series(() => samples);
    await load(s, T0, T0 + 4000, 50);
    const c = new Columns();
    s.fill(c, columnOf(T0 + 1000, 2), columnOf(T0 + 1400, 2), 2);
    expect(c.count.subarray(0, c.length).every((n) => n > 0)).toBe(true);
    expect(c.range()).toEqual([-1, 1]);
  });
});

describe('nextUp', () => {
  it('is the next number', () => {
    for (const t of [1, 1.7e12, 1.7e12 + 0.123, 2 ** 40]) {
      expect(nextUp(t)).toBeGreaterThan(t);
      expect(nextUp(t) - t).toBeLessThan(0.001);
    }
    expect(LEVELS.length).toBeGreaterThan(20);
  });
});
