import type { ActivityStatus, Attribute, Chunk, Run, Sensor } from '@sensocto/client';
import { appendBucket, Flag, SampleRing } from '../../lib/chart/index.ts';
import { fieldsOf, isPoint, kindOf, numberAt, numberOfKind, type Kind } from '../../lib/chart/kinds.ts';
import { gapMSOf, intervalOf } from '../../lib/chart/series.ts';

// How long a tile's traces reach back, in ms, with a margin.
const waveformMS = 12_000;
const numberMS = 130_000;
const positionMS = 600_000;
const learnt = 64; // steps in time from which the usual one is learnt
const windowMS = 1000; // at low attention
const sendingMS = 6000; // 5 s of the server, and the second that low attention takes

/** The newest of one attribute: a ring for each of its numbers, and its newest payload. */
export class AttributeFeed {
  readonly kind: Kind;
  readonly #rate: number; // Hz, as the sensor says; 0 where it does not
  #rings: SampleRing[] = [];
  #fields: readonly string[] | undefined; // of its documents, once there was one
  #listeners = new Set<() => void>();
  #filled: Promise<void> | undefined;
  payload: unknown;
  time = NaN;

  constructor(attribute: Attribute) {
    this.kind = kindOf(attribute);
    this.#rate = attribute.sampling_rate;
    const last = attribute.last_value;
    if (!last) return;
    this.payload = last.payload;
    this.time = last.timestamp;
    // A trace begins with what comes live: the line from an old value to it would tell nothing.
    if (!['ecg', 'wave', 'axes'].includes(this.kind)) this.#payload(last.timestamp, last.payload);
  }

  /** The ring of a number, counted as its documents' fieldsOf are; 0 where a measurement is one number. Batteries are in per cent. */
  ring(i = 0): SampleRing {
    const keepMS = this.kind === 'number' ? numberMS : this.kind === 'position' ? positionMS : waveformMS;
    return (this.#rings[i] ??= new SampleRing({ capacity: 64, keepMS, max: 1 << 16 }));
  }

  /** The newest number, NaN while there is none. */
  get value(): number {
    return this.#rings[0]?.lastValue ?? NaN;
  }

  /** Steps in time of more than so many ms are gaps. Whatever is measured, at low attention a document a second comes. */
  get gapMS(): number {
    return Math.max(1.5 * windowMS, gapMSOf(intervalOf(this.#rate, () => this.ring().newestTimes(learnt))));
  }

  /** Calls back after something came; the function that it returns ends that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  add(run: Run): void {
    this.#append(run);
    for (const listener of this.#listeners) listener();
  }

  /** Puts what was before into the rings, once; without it they fill by and by. */
  fill(read: () => Promise<readonly Run[]>): Promise<void> {
    this.#filled ??= read().then(
      (runs) => runs.forEach((run) => this.#append(run)),
      () => undefined,
    );
    return this.#filled;
  }

  gap(): void {
    for (const ring of this.#rings) ring?.gap();
  }

  #append(run: Run): void {
    if (run.kind === 'samples') this.ring().append(run.times, run.values);
    else if (run.kind === 'buckets') addBuckets(this.ring(), run);
    else run.times.forEach((time, i) => this.#payload(time, run.payloads[i]));
    const ring = this.#rings[0];
    if (run.kind !== 'documents' && ring) this.time = ring.lastTime;
  }

  #numbers(payload: unknown): number[] {
    if (this.kind === 'axes' || isPoint(this.kind)) return (this.#fields ??= fieldsOf(this.kind, payload)).map((field) => numberAt(field)(payload));
    return this.kind === 'events' ? [] : [numberOfKind(this.kind, payload)];
  }

  #payload(time: number, payload: unknown): void {
    this.payload = payload;
    this.time = time;
    const values = this.#numbers(payload);
    if (isPoint(this.kind) && values.some(Number.isNaN)) this.gap(); // half of a point is none
    else values.forEach((value, i) => this.ring(i).push(time, value));
  }
}

const newestOf = (chunk: Chunk): number => (chunk.kind === 'buckets' ? chunk.to : chunk.times).at(-1) ?? NaN;

type Buckets = Extract<Run, { kind: 'buckets' }>;

function addBuckets(ring: SampleRing, b: Buckets): void {
  const at = (column: Float64Array, i: number) => column[i] as number;
  for (let i = 0; i < b.from.length; i++) {
    if (at(b.count, i) <= 1) ring.push(at(b.from, i), at(b.first, i), Flag.merged);
    else appendBucket(ring, { min: at(b.min, i), max: at(b.max, i), first: at(b.first, i), last: at(b.last, i), count: at(b.count, i), from: at(b.from, i), to: at(b.to, i) });
  }
}

/** The newest of one sensor. It is filled while the sensor is watched, whether its tile is on the screen or not. */
export class SensorFeed {
  #sensor: Sensor;
  #attributes = new Map<string, AttributeFeed>();
  #heard = -Infinity;
  #age: number | undefined;

  constructor(sensor: Sensor) {
    this.#sensor = sensor;
  }

  describe(sensor: Sensor): void {
    this.#sensor = sensor;
  }

  attribute(a: Attribute): AttributeFeed {
    const known = this.#attributes.get(a.id);
    if (known && known.kind === kindOf(a)) return known;
    const made = new AttributeFeed(a);
    this.#attributes.set(a.id, made);
    return made;
  }

  /** Whether it sends: the list of sensors tells of connections, not of each pause in what they send. */
  status(now: number): ActivityStatus {
    if (now - this.#heard < sendingMS) return 'online';
    return this.#sensor.activity_status === 'online' && this.#heard > -Infinity ? 'idle' : this.#sensor.activity_status;
  }

  /** How old its newest measurement was when it came, in ms by the server's clock. */
  get age(): number | undefined {
    return performance.now() - this.#heard < sendingMS ? this.#age : undefined;
  }

  chunk(chunk: Chunk, came: number): void {
    this.#heard = performance.now();
    this.#age = came - newestOf(chunk);
    const known = this.#attributes.get(chunk.attributeId);
    if (known) return known.add(chunk);
    const a = this.#sensor.attributes.find((x) => x.id === chunk.attributeId);
    if (a) this.attribute(a).add(chunk);
  }

  interrupted(): void {
    for (const feed of this.#attributes.values()) feed.gap();
  }
}
