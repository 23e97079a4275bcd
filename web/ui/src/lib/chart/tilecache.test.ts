import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEVELS, levelFor, tileAt, tileSpan, widthOf } from './level.ts';
import { tileOfBuckets, tileOfSamples } from './testing/tiles.ts';
import type { Tile } from './tile.ts';
import { TileCache, type TileCacheOptions, type TileSet } from './tilecache.ts';
import { wantsOf } from './wants.ts';

/** A server whose answers come when the test says so. */
class Server {
  asked: { level: number; from: number; to: number; signal: AbortSignal; answer: (t?: Tile) => void; fail: () => void }[] = [];
  fetch = (level: number, from: number, to: number, signal: AbortSignal): Promise<Tile> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      const bucket = { min: 0, max: 1, mean: 0.5, first: 0, last: 1, count: 9, from, to: to - 1 };
      const usual = tileOfBuckets(from, to, widthOf(level), Array.from({ length: 50 }, () => bucket));
      this.asked.push({ level, from, to, signal, answer: (t) => resolve(t ?? usual), fail: () => reject(new Error('away')) });
    });
}

const settle = (): Promise<void> => new Promise((r) => setTimeout(r, 0));

function setUp(options: TileCacheOptions = {}): { server: Server; cache: TileCache; set: TileSet; changes: () => number } {
  const server = new Server();
  const cache = new TileCache(options);
  let changes = 0;
  const set = cache.open(server.fetch, () => changes++);
  set.knownTo = () => Infinity;
  return { server, cache, set, changes: () => changes };
}

describe('levels', () => {
  // The rule of the server (docs/protocol.md): a width is a multiple of the widest rung that is at most a quarter of it.
  const ladder = [0.001, 1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
    ...[1, 3, 6, 12].map((h) => h * 3_600_000), ...[1, 7, 28, 84, 336, 3360].map((d) => d * 86_400_000)];
  it('are widths that the server answers exactly', () => {
    for (const width of LEVELS) {
      const rung = ladder.filter((w) => w <= width / 4).at(-1) as number;
      const rest = Math.abs(width / rung - Math.round(width / rung));
      expect(rest, `${width} ms`).toBeLessThan(1e-9);
    }
  });
  it('have a bucket for every column', () => {
    fc.assert(fc.property(fc.double({ min: 0.125, max: 1e10, noNaN: true }), (ms) => void expect(widthOf(levelFor(ms))).toBeLessThanOrEqual(ms)));
    expect(widthOf(levelFor(1000))).toBe(1000);
  });
});

describe('TileCache', () => {
  it('fetches the most urgent first, a few at a time', async () => {
    const { server, set } = setUp({ concurrency: 2 });
    set.want([{ level: 3, index: 7, priority: 3 }, { level: 3, index: 5, priority: 1 }, { level: 3, index: 6, priority: 2 }]);
    const index = (n: number): number => tileAt(3, (server.asked[n]?.from ?? NaN) + 1);
    expect([index(0), index(1), server.asked.length]).toEqual([5, 6, 2]);
    server.asked[0]?.answer();
    await settle();
    expect(index(2)).toBe(7);
  });

  it('cancels what is wanted no more', async () => {
    const { server, set, cache, changes } = setUp();
    set.want([{ level: 3, index: 1, priority: 1 }, { level: 3, index: 2, priority: 1 }]);
    set.want([{ level: 3, index: 2, priority: 1 }]);
    expect(server.asked.map((a) => a.signal.aborted)).toEqual([true, false]);
    expect(cache.running).toBe(1);
    await settle();
    expect([changes(), set.error]).toEqual([0, null]);
  });

  it('keeps within its bytes, and what was used last', async () => {
    const { server, set, cache } = setUp({ maxBytes: 12_000, concurrency: 99 }); // three tiles of 50 buckets
    for (let i = 0; i < 6; i++) {
      set.want([{ level: 3, index: i, priority: 1 }]);
      server.asked.at(-1)?.answer();
      await settle();
      set.pieces(3, 0, 1); // tile 0 is on the screen all the time
    }
    expect(cache.bytes).toBeLessThanOrEqual(12_000);
    expect(set.satisfied(3, 0, Infinity)).toBe(true);
    expect(set.satisfied(3, 1, Infinity)).toBe(false);
    expect(set.satisfied(3, 5, Infinity)).toBe(true);
    set.close();
    expect(cache.bytes).toBe(0);
  });

  it('tries again after a growing pause, and says that it failed', async () => {
    let now = 0;
    const waiting: { callback: () => void; ms: number }[] = [];
    const { server, set } = setUp({ clock: () => now, later: (callback, ms) => waiting.push({ callback, ms }) });
    const want = [{ level: 3, index: 1, priority: 1 }];
    set.want(want);
    server.asked[0]?.fail();
    await settle();
    expect(set.error).toBeInstanceOf(Error);
    set.want([...want]);
    expect(server.asked.length).toBe(1);
    now = waiting[0]?.ms ?? 0;
    set.want([...want]);
    expect(server.asked.length).toBe(2);
    server.asked[1]?.fail();
    await settle();
    expect(waiting[1]?.ms).toBeGreaterThan(waiting[0]?.ms ?? 0);
    now += waiting[1]?.ms ?? 0;
    set.want([...want]);
    server.asked[2]?.answer();
    await settle();
    expect(set.error).toBeNull();
  });
});

describe('TileSet', () => {
  async function put(server: Server, set: TileSet, level: number, index: number, tile?: Tile): Promise<void> {
    set.want([{ level, index, priority: 1 }]);
    server.asked.at(-1)?.answer(tile);
    await settle();
  }

  it('draws from a coarser tile where the finer is missing, and covers the stretch once', async () => {
    const { server, set } = setUp();
    const fine = tileSpan(5);
    await put(server, set, 8, 0);
    await put(server, set, 5, 1);
    const pieces = set.pieces(5, 0, 3 * fine);
    expect(pieces.map((p) => [p.from, p.to, p.tile.width])).toEqual([
      [0, fine, widthOf(8)],
      [fine, 2 * fine, widthOf(5)],
      [2 * fine, 3 * fine, widthOf(8)],
    ]);
  });

  it('draws from finer tiles while zooming out', async () => {
    const { server, set } = setUp();
    await put(server, set, 4, 1);
    const pieces = set.pieces(6, 0, tileSpan(6));
    expect(pieces.map((p) => [p.from, p.to])).toEqual([[tileSpan(4), 2 * tileSpan(4)]]);
  });

  it('needs nothing finer where it has all samples', async () => {
    const { server, set } = setUp();
    await put(server, set, 8, 0, tileOfSamples(0, tileSpan(8), [{ payload: 1, timestamp: 5 }]));
    expect(set.satisfied(3, 0, Infinity)).toBe(true);
    expect(wantsOf(set, { level: 3, from: 2000, to: 2010, needTo: 2010 }).some((w) => w.level <= 8)).toBe(false);
  });

  it('fetches a tile again when the live samples do not reach back to where it ends, or late ones came', async () => {
    let now = 0;
    const { server, set } = setUp({ clock: () => now });
    set.knownTo = () => 100;
    await put(server, set, 5, 0);
    expect(set.satisfied(5, 0, 90)).toBe(true); // live samples begin at 90
    expect(set.satisfied(5, 0, 110)).toBe(true); // it was asked for a moment ago
    now = 3000;
    expect(set.satisfied(5, 0, 90)).toBe(true);
    expect(set.satisfied(5, 0, 110)).toBe(false);
    set.markStale(50, 50);
    expect(set.satisfied(5, 0, 90)).toBe(false);
    expect(set.pieces(5, 0, 100).length).toBe(1); // what there is goes on being drawn
  });

  it('wants a coarse tile first where it has nothing at all', () => {
    const { set } = setUp();
    const list = wantsOf(set, { level: 5, from: 0, to: tileSpan(5) * 2, needTo: Infinity });
    expect(list[0]).toMatchObject({ level: 8, priority: 0 });
    expect(list.filter((w) => w.level === 5 && w.priority === 1).map((w) => w.index)).toEqual([0, 1]);
    expect(list.filter((w) => w.level === 5 && w.priority === 4).map((w) => w.index)).toEqual([-1, 2]);
  });
});
