import type { Client, Run } from '@sensocto/client';
import { TILE_BUCKETS } from './level.ts';
import { numberAt } from './kinds.ts';
import { bucketTile, emptyTile, sampleTile, type Tile } from './tile.ts';
import type { TileFetch } from './tilecache.ts';

/** What of the client reads history; a test may have its own. */
export type HistoryReader = Pick<Client, 'history'>;

/** A number in the documents of an attribute. */
export interface DocumentField {
  readonly field: string;
  /** What is drawn of the number; itself by default. */
  readonly scale?: (n: number) => number;
}

/** Reads the number out of a document, NaN where it has none. */
export function numberOf({ field, scale = (n) => n }: DocumentField): (payload: unknown) => number {
  const read = numberAt(field);
  return (payload) => scale(read(payload));
}

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
}

interface Shared {
  /** Undefined where they are more than an answer holds. */
  readonly answer: Promise<Documents | undefined>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Reads tiles of an attribute whose measurements are documents, such as the axes
 * of an accelerometer: the documents themselves, once for all axes, where they are
 * no more than a tile has buckets; else the buckets of each axis.
 */
export class DocumentTiles {
  readonly #shared = new Map<string, Shared>();

  constructor(
    private readonly reader: HistoryReader,
    private readonly sensorId: string,
    private readonly attributeId: string,
  ) {}

  /** Tiles of one number in the documents. */
  of(field: DocumentField): TileFetch {
    const read = numberOf(field);
    return async (level, from, to, signal) => {
      const documents = await this.#read(`${level}/${from}`, from, to, signal);
      if (!documents) return this.#buckets(field, from, to, signal);
      const [times, values]: [number[], number[]] = [[], []];
      documents.payloads.forEach((payload, i) => {
        const v = read(payload);
        if (!Number.isFinite(v)) return;
        times.push(documents.times[i] as number);
        values.push(v);
      });
      return sampleTile(from, to, Float64Array.from(times), Float64Array.from(values));
    };
  }

  async #buckets({ field, scale }: DocumentField, from: number, to: number, signal: AbortSignal): Promise<Tile> {
    const { width, runs } = await this.reader.history(this.sensorId, this.attributeId, { field, from, to, maxBuckets: TILE_BUCKETS, signal });
    const buckets = runs.find((r) => r.kind === 'buckets');
    if (!buckets) return emptyTile(from, to);
    if (!scale) return bucketTile(from, to, width, buckets);
    const { min, max, mean, first, last } = buckets;
    return bucketTile(from, to, width, {
      ...buckets, min: min.map(scale), max: max.map(scale), mean: mean.map(scale), first: first.map(scale), last: last.map(scale),
    });
  }

  /** The axes of a tile are asked for one after the other: they share a request, which ends when none wants it any more. */
  #read(key: string, from: number, to: number, signal: AbortSignal): Promise<Documents | undefined> {
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

  async #fetch(from: number, to: number, signal: AbortSignal): Promise<Documents | undefined> {
    const answer = await this.reader.history(this.sensorId, this.attributeId, { from, to, maxBuckets: TILE_BUCKETS, signal });
    return answer.points === 'samples' ? collect(answer.runs) : undefined;
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
  return { times, payloads };
}
