import type { Run } from '@sensocto/client';
import { describe, expect, it } from 'vitest';
import { numberAt } from './kinds.ts';
import { DocumentTiles, MOST_DOCUMENTS, numberTiles, type HistoryReader } from './source.ts';

const f = (...list: number[]): Float64Array => Float64Array.from(list);

/** A server with these runs; counts what it is asked. */
function server(runs: Run[], documents = 0, points: 'buckets' | 'samples' = 'samples') {
  const asked = { history: 0, samples: 0, aborted: 0 };
  const reader: HistoryReader = {
    history: async (_sensor, _attribute, q) => {
      asked.history++;
      q?.signal?.addEventListener('abort', () => asked.aborted++);
      await new Promise((r) => setTimeout(r, 5));
      return { width: points === 'buckets' ? 10 : 0, from: 0, to: 100, documents, points, runs: points === 'samples' ? runs : runs.filter((r) => r.kind === 'buckets') };
    },
    async *samples() {
      asked.samples++;
      yield runs;
    },
  };
  return { reader, asked };
}

const documents: Run = { kind: 'documents', times: f(1, 2, 3), payloads: [{ x: 1, y: 10 }, { x: 2 }, 'text'] };
const none = (): AbortSignal => new AbortController().signal;

describe('numberTiles', () => {
  it('makes tiles of samples and of buckets', async () => {
    const samples: Run[] = [{ kind: 'samples', times: f(1, 2), values: f(5, 6) }, documents, { kind: 'samples', times: f(9), values: f(7) }];
    const tile = await numberTiles(server(samples).reader, 's', 'a')(3, 0, 100, none());
    expect([tile.width, [...tile.begin], [...tile.max]]).toEqual([0, [1, 2, 9], [5, 6, 7]]);
    const bucket: Run = { kind: 'buckets', from: f(0), to: f(9), min: f(-1), max: f(4), mean: f(1), first: f(0), last: f(2), count: f(10) };
    const coarse = await numberTiles(server([bucket], 0, 'buckets').reader, 's', 'a')(3, 0, 100, none());
    expect([coarse.width, coarse.count, coarse.max[0], coarse.interval]).toEqual([10, 1, 4, 1]);
  });
});

describe('DocumentTiles', () => {
  it('reads the axes with one request', async () => {
    const { reader, asked } = server([documents]);
    const tiles = new DocumentTiles(reader, 's', 'imu');
    const [x, y] = await Promise.all([tiles.of(numberAt('x'))(3, 0, 100, none()), tiles.of(numberAt('y'))(3, 0, 100, none())]);
    expect([[...x.min], [...y.min], [...y.begin], asked.history]).toEqual([[1, 2], [10], [1], 1]);
  });

  it('reads documents one by one where they are more than an answer holds, and leaves out too many', async () => {
    const some = server([documents], 3000, 'buckets');
    const tile = await new DocumentTiles(some.reader, 's', 'imu').of(numberAt('x'))(3, 0, 100, none());
    expect([tile.count, tile.left, some.asked.samples]).toEqual([2, 0, 1]);
    const many = server([documents], MOST_DOCUMENTS + 1, 'buckets');
    const left = await new DocumentTiles(many.reader, 's', 'imu').of(numberAt('x'))(3, 0, 100, none());
    expect([left.count, left.left, many.asked.samples]).toEqual([0, MOST_DOCUMENTS + 1, 0]);
  });

  it('ends the request when no axis wants it any more', async () => {
    const { reader, asked } = server([documents]);
    const tiles = new DocumentTiles(reader, 's', 'imu');
    const [a, b] = [new AbortController(), new AbortController()];
    const waiting = [tiles.of(numberAt('x'))(3, 0, 100, a.signal), tiles.of(numberAt('y'))(3, 0, 100, b.signal)];
    a.abort();
    expect(asked.aborted).toBe(0);
    b.abort();
    expect(asked.aborted).toBe(1);
    await Promise.allSettled(waiting);
  });
});
