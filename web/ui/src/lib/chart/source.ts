import type { Client, Run } from '@sensocto/client';
import { TILE_BUCKETS } from './level.ts';
import { bucketTile, sampleTile, tileLeftOut, type Tile } from './tile.ts';
import type { TileFetch } from './tilecache.ts';

/** What of the client reads history; a test may have its own. */
export type HistoryReader = Pick<Client, 'history' | 'samples'>;

/** Reads a number out of a document, NaN where it has none. */
export type NumberOf = (payload: unknown) => number;

/** Documents of a tile that are read one by one at most. */
export const MOST_DOCUMENTS = 20_000;

/** Reads tiles of an attribute whose measurements are numbers. */
export function numberTiles(reader: HistoryReader, sensorId: string, attributeId: string): TileFetch {
  return async (_, from, to, signal) => {
    const answer = await reader.history(sensorId, attributeId, { from, to, maxBuckets: TILE_BUCKETS, signal });
    return tileOfRuns(from, to, answer.width, answer.runs);
  };
}

/** The runs of an answer as a tile; documents are left out. */
export function tileOfRuns(from: number, to: number, width: number, runs: readonly Run[]): Tile {
  const buckets = runs.find((r) => r.kind === 'buckets');
  if (buckets) return bucketTile(from, to, width, buckets);
  const samples = runs.filter((r) => r.kind === 'samples');
  return sampleTile(from, to, joined(samples.map((r) => r.times)), joined(samples.map((r) => r.values)));
}

function joined(arrays: readonly Float64Array[]): Float64Array {
  if (arrays.length === 1) return arrays[0] as Float64Array;
  const all = new Float64Array(arrays.reduce((n, a) => n + a.length, 0));
  let at = 0;
  for (const a of arrays) {
    all.set(a, at);
    at += a.length;
  }
  return all;
}

interface Documents {
  readonly times: readonly number[];
  readonly payloads: readonly unknown[];
  /** There are more than are read. */
  readonly left: number;
}

interface Shared {
  readonly answer: Promise<Documents>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Reads tiles of an attribute whose measurements are documents, such as the axes
 * of an accelerometer. The server has no envelopes of documents, so they are read
 * one by one, once for all axes, where there are not too many of them.
 */
export class DocumentTiles {
  readonly #shared = new Map<string, Shared>();

  constructor(
    private readonly reader: HistoryReader,
    private readonly sensorId: string,
    private readonly attributeId: string,
  ) {}

  /** Tiles of one number in the documents. */
  of(numberOf: NumberOf): TileFetch {
    return async (level, from, to, signal) => {
      const d = await this.#read(`${level}/${from}`, from, to, signal);
      if (d.left > 0) return tileLeftOut(from, to, d.left);
      const [times, values]: [number[], number[]] = [[], []];
      d.payloads.forEach((payload, i) => {
        const v = numberOf(payload);
        if (!Number.isFinite(v)) return;
        times.push(d.times[i] as number);
        values.push(v);
      });
      return sampleTile(from, to, Float64Array.from(times), Float64Array.from(values));
    };
  }

  /** The axes of a tile are asked for one after the other: they share a request, which ends when none wants it any more. */
  #read(key: string, from: number, to: number, signal: AbortSignal): Promise<Documents> {
    const shared = this.#shared.get(key) ?? this.#start(key, from, to);
    shared.waiting++;
    signal.addEventListener('abort', () => --shared.waiting === 0 && shared.controller.abort());
    return shared.answer;
  }

  #start(key: string, from: number, to: number): Shared {
    const controller = new AbortController();
    const answer = this.#fetch(from, to, controller.signal);
    const shared = { answer, controller, waiting: 0 };
    this.#shared.set(key, shared);
    const forget = (): void => void (this.#shared.get(key) === shared && this.#shared.delete(key));
    // A moment longer than the answer takes, for axes that are asked for behind it.
    answer.then(() => setTimeout(forget, 2000), forget);
    controller.signal.addEventListener('abort', forget);
    return shared;
  }

  async #fetch(from: number, to: number, signal: AbortSignal): Promise<Documents> {
    const answer = await this.reader.history(this.sensorId, this.attributeId, { from, to, maxBuckets: TILE_BUCKETS, signal });
    if (answer.points === 'samples') return collect(answer.runs);
    if (answer.documents > MOST_DOCUMENTS) return { times: [], payloads: [], left: answer.documents };
    const runs: Run[] = [];
    for await (const page of this.reader.samples(this.sensorId, this.attributeId, { from, to, pageSize: MOST_DOCUMENTS, signal })) runs.push(...page);
    return collect(runs);
  }
}

function collect(runs: readonly Run[]): Documents {
  const [times, payloads]: [number[], unknown[]] = [[], []];
  for (const run of runs) {
    if (run.kind === 'buckets') continue;
    run.times.forEach((t, i) => {
      times.push(t);
      payloads.push(run.kind === 'documents' ? run.payloads[i] : run.values[i]);
    });
  }
  return { times, payloads, left: 0 };
}
