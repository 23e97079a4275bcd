import type { Run } from '@sensocto/client';
import { describe, expect, it } from 'vitest';
import { DocumentTiles, numberTiles, type HistoryReader } from './source.ts';

const f = (...list: number[]): Float64Array => Float64Array.from(list);

/** A server with these runs; counts what it is asked. */
function server(runs: Run[], documents = 0, points: 'buckets' | 'samples' = 'samples') {
  const asked = { history: 0, aborted: 0, fields: [] as (string | undefined)[] };
  const reader: HistoryReader = {
    history: async (_sensor, _attribute, q) => {
      asked.history++;
      asked.fields.push(q?.field);
      q?.signal?.addEventListener('abort', () => asked.aborted++);
      await new Promise((r) => setTimeout(r, 5));
      return { width: points === 'buckets' ? 10 : 0, from: 0, to: 100, documents, points, runs: points === 'samples' ? runs : runs.filter((r) => r.kind === 'buckets') };
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
    const [x, y] = await Promise.all([tiles.of({ field: 'x' })(3, 0, 100, none()), tiles.of({ field: 'y' })(3, 0, 100, none())]);
    expect([[...x.min], [...y.min], [...y.begin], asked.history]).toEqual([[1, 2], [10], [1], 1]);
  });

  it('reads the buckets of each axis where the documents are more than an answer holds', async () => {
    const bucket: Run = { kind: 'buckets', from: f(0), to: f(9), min: f(0.1), max: f(0.4), mean: f(0.2), first: f(0.1), last: f(0.3), count: f(3000) };
    const { reader, asked } = server([bucket], 3000, 'buckets');
    const tiles = new DocumentTiles(reader, 's', 'imu');
    const x = await tiles.of({ field: 'x' })(3, 0, 100, none());
    const level = await tiles.of({ field: 'level', scale: (v) => 100 * v })(3, 0, 100, none());
    expect([x.width, x.max[0], level.min[0], level.max[0], level.counts[0]]).toEqual([10, 0.4, 10, 40, 3000]);
    expect(asked.fields).toEqual([undefined, 'x', 'level']);
  });

  it('ends the request when no axis wants it any more', async () => {
    const { reader, asked } = server([documents]);
    const tiles = new DocumentTiles(reader, 's', 'imu');
    const [a, b] = [new AbortController(), new AbortController()];
    const waiting = [tiles.of({ field: 'x' })(3, 0, 100, a.signal), tiles.of({ field: 'y' })(3, 0, 100, b.signal)];
    a.abort();
    expect(asked.aborted).toBe(0);
    b.abort();
    expect(asked.aborted).toBe(1);
    await Promise.allSettled(waiting);
  });
});
