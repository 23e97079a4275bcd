import { followPage, type AttentionLevel, type Chunk, type Client, type Sensor, type SensorView } from '@sensocto/client';
import type { MergedBucket } from './ring.ts';
import type { Series } from './series.ts';

/** What is given to somebody who follows one attribute. */
export interface Sink {
  samples?(times: Float64Array, values: Float64Array): void;
  bucket?(bucket: MergedBucket): void;
  documents?(times: Float64Array, payloads: readonly unknown[]): void;
  /** Measurements may be missing before the next ones; they are in the history. */
  gap?(): void;
}

export interface FeedEvents {
  sensor(sensor: Sensor): void;
  state(state: 'live' | 'interrupted' | 'ended'): void;
  /** So many measurements came merged because this viewer could not keep up. */
  lagged(samples: number): void;
}

/** Newest samples of each attribute that come first. */
const HISTORY = 2000;
const MOST_CHUNKS = 300;

/** One sensor that is looked at closely: its newest measurements, then what is live, given to whoever follows an attribute. */
export class SensorFeed {
  readonly #view: SensorView;
  readonly #sinks = new Map<string, Set<Sink>>();
  readonly #recent = new Map<string, Recent>();
  readonly #stopFollowing: () => void;

  constructor(client: Client, sensorId: string, events: FeedEvents, attention: AttentionLevel = 'high') {
    this.#view = client.sensor(sensorId, { history: HISTORY, attention });
    this.#view.on('joined', ({ sensor }) => (events.sensor(sensor), events.state('live')));
    this.#view.on('interrupted', () => events.state('interrupted'));
    this.#view.on('ended', () => events.state('ended'));
    this.#view.on('lagged', ({ samples }) => events.lagged(samples));
    this.#view.on('gap', ({ attributeId }) => this.#gap(attributeId));
    this.#view.on('chunk', (chunk) => this.#chunk(chunk));
    this.#stopFollowing = followPage(this.#view);
  }

  /** Follows an attribute: what came last comes first. Returns what ends that. */
  follow(attributeId: string, sink: Sink): () => void {
    this.#recent.get(attributeId)?.give(sink);
    const set = this.#sinks.get(attributeId) ?? new Set<Sink>();
    this.#sinks.set(attributeId, set.add(sink));
    return () => set.delete(sink);
  }

  close(): void {
    this.#stopFollowing();
    this.#sinks.clear();
    void this.#view.close();
  }

  #chunk(chunk: Chunk): void {
    const recent = this.#recent.get(chunk.attributeId) ?? new Recent();
    this.#recent.set(chunk.attributeId, recent);
    recent.add(chunk);
    this.#each(chunk.attributeId, (s) => give(s, chunk));
  }

  #gap(attributeId: string): void {
    this.#recent.delete(attributeId);
    this.#each(attributeId, (s) => s.gap?.());
  }

  #each(attributeId: string, tell: (sink: Sink) => void): void {
    this.#sinks.get(attributeId)?.forEach(tell);
  }
}

/** The newest chunks of an attribute without a hole, for those who follow it later. */
class Recent {
  #chunks: Chunk[] = [];
  #samples = 0;

  add(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#samples += lengthOf(chunk);
    while (this.#chunks.length > 1 && (this.#samples > HISTORY || this.#chunks.length > MOST_CHUNKS)) {
      this.#samples -= lengthOf(this.#chunks.shift() as Chunk);
    }
  }

  give(sink: Sink): void {
    for (const chunk of this.#chunks) give(sink, chunk);
  }
}

const lengthOf = (chunk: Chunk): number => (chunk.kind === 'buckets' ? chunk.from.length : chunk.times.length);

function give(sink: Sink, chunk: Chunk): void {
  if (chunk.kind === 'samples') return sink.samples?.(chunk.times, chunk.values);
  if (chunk.kind === 'documents') return sink.documents?.(chunk.times, chunk.payloads);
  if (!sink.bucket) return;
  const at = (column: Float64Array, i: number): number => column[i] as number;
  for (let i = 0; i < chunk.from.length; i++) {
    const [from, to, count] = [at(chunk.from, i), at(chunk.to, i), at(chunk.count, i)];
    sink.bucket({ from, to, count, min: at(chunk.min, i), max: at(chunk.max, i), first: at(chunk.first, i), last: at(chunk.last, i) });
  }
}

/** Gives the numbers of an attribute to a series; of documents those that numberOf reads. */
export function seriesSink(series: Series, arrived: () => void, numberOf?: (payload: unknown) => number): Sink {
  return {
    samples: (times, values) => (series.append(times, values), arrived()),
    bucket: (bucket) => (series.appendBucket(bucket), arrived()),
    documents(times, payloads) {
      if (!numberOf) return;
      const values = Float64Array.from(payloads, numberOf);
      series.append(times, values);
      arrived();
    },
    gap: () => series.interrupt(),
  };
}
