/** What is known of a sample beside its value. */
export const Flag = {
  /** There is no line from the sample before: measurements are missing between. */
  gap: 1,
  /** A corner of a bucket into which the server merged measurements that were not sent one by one. */
  merged: 2,
} as const;

export interface RingOptions {
  /** Samples that are allocated at the start. */
  readonly capacity?: number;
  /** Samples at most. The oldest are overwritten. */
  readonly max?: number;
  /** The ring grows, up to max, until it holds so many milliseconds. */
  readonly keepMS?: number;
}

const FIRST = 1024;
const MOST = 1 << 20;

/** The least power of two that is not below n. */
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, n)));

/**
 * The newest samples of one series in order of time: times in Unix milliseconds
 * (with fractions), values as float64. Samples are addressed by a number that
 * counts all that were ever appended, from `first` up to but not including
 * `end`, so that a number stays valid while older samples are overwritten.
 * Appending allocates nothing, except when the ring doubles.
 */
export class SampleRing {
  #times: Float64Array;
  #values: Float64Array;
  #flags: Uint8Array;
  #mask: number;
  #end = 0;
  #first = 0;
  #pendingGap = false;
  #version = 0;
  #reordered = Infinity;
  #dropped = 0;
  readonly #max: number;
  readonly #keepMS: number;

  constructor(options: RingOptions = {}) {
    this.#max = powerOfTwo(options.max ?? MOST);
    this.#keepMS = options.keepMS ?? 0;
    const size = Math.min(this.#max, powerOfTwo(options.capacity ?? FIRST));
    this.#times = new Float64Array(size);
    this.#values = new Float64Array(size);
    this.#flags = new Uint8Array(size);
    this.#mask = size - 1;
  }

  /** Number of the oldest sample. */
  get first(): number {
    return this.#first;
  }
  /** Number behind the newest sample. */
  get end(): number {
    return this.#end;
  }
  get length(): number {
    return this.#end - this.#first;
  }
  /** Changes with every append. */
  get version(): number {
    return this.#version;
  }
  /** Late samples that were older than everything that is kept: they are only in the history of the server. */
  get dropped(): number {
    return this.#dropped;
  }
  /** Bytes of the arrays. */
  get bytes(): number {
    return this.#times.byteLength + this.#values.byteLength + this.#flags.byteLength;
  }
  get firstTime(): number {
    return this.length > 0 ? this.time(this.#first) : NaN;
  }
  get lastTime(): number {
    return this.length > 0 ? this.time(this.#end - 1) : NaN;
  }
  get lastValue(): number {
    return this.length > 0 ? this.value(this.#end - 1) : NaN;
  }

  time(i: number): number {
    return this.#times[i & this.#mask] as number;
  }
  value(i: number): number {
    return this.#values[i & this.#mask] as number;
  }
  flags(i: number): number {
    return this.#flags[i & this.#mask] as number;
  }

  /** The times of the newest samples, oldest first. */
  newestTimes(most: number): Float64Array {
    const count = Math.min(most, this.length);
    return Float64Array.from({ length: count }, (_, i) => this.time(this.#end - count + i));
  }

  /** Appends samples; late ones are put where their time belongs. Values that are not finite are a gap. */
  append(times: ArrayLike<number>, values: ArrayLike<number>, flags = 0, count = times.length): void {
    for (let i = 0; i < count; i++) this.push(times[i] as number, values[i] as number, flags);
  }

  /** Appends the samples of another ring from one on, with what is known of each. */
  appendRing(ring: SampleRing, from = ring.first): void {
    for (let i = Math.max(from, ring.first); i < ring.end; i++) this.push(ring.time(i), ring.value(i), ring.flags(i));
  }

  push(time: number, value: number, flags = 0): void {
    if (!Number.isFinite(value) || !Number.isFinite(time)) return this.gap();
    if (this.length > this.#mask) this.#makeRoom();
    if (this.length > 0 && time < this.lastTime) return this.#insert(time, value, flags);
    if (this.#pendingGap) flags |= Flag.gap;
    this.#pendingGap = false;
    this.#set(this.#end++, time, value, flags);
    this.#version++;
  }

  /** Says that measurements are missing between the newest sample and the next one. */
  gap(): void {
    this.#pendingGap = this.length > 0;
  }

  /** Earliest time at which a late sample was inserted since the last call, or Infinity. */
  takeReordered(): number {
    const t = this.#reordered;
    this.#reordered = Infinity;
    return t;
  }

  /** Number of the first sample that is not before the time; `end` if there is none. */
  lowerBound(time: number): number {
    let lo = this.#first;
    let hi = this.#end;
    while (lo < hi) {
      const mid = lo + Math.floor((hi - lo) / 2);
      if (this.time(mid) < time) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }

  clear(): void {
    this.#first = this.#end;
    this.#pendingGap = false;
    this.#version++;
  }

  #set(i: number, time: number, value: number, flags: number): void {
    const slot = i & this.#mask;
    this.#times[slot] = time;
    this.#values[slot] = value;
    this.#flags[slot] = flags;
  }

  #insert(time: number, value: number, flags: number): void {
    this.#version++;
    if (time < this.firstTime && this.#first > 0) {
      this.#dropped++; // between it and the oldest there may be samples that were overwritten
      return;
    }
    let i = this.#end++;
    for (; i > this.#first && this.time(i - 1) > time; i--) {
      this.#set(i, this.time(i - 1), this.value(i - 1), this.flags(i - 1));
    }
    this.#set(i, time, value, flags);
    this.#reordered = Math.min(this.#reordered, time);
  }

  #makeRoom(): void {
    const span = this.lastTime - this.firstTime;
    if (this.#mask + 1 < this.#max && span < this.#keepMS) this.#grow();
    else this.#first++;
  }

  #grow(): void {
    const size = 2 * (this.#mask + 1);
    const [times, values, flags] = [this.#times, this.#values, this.#flags];
    const old = this.#mask;
    this.#times = new Float64Array(size);
    this.#values = new Float64Array(size);
    this.#flags = new Uint8Array(size);
    this.#mask = size - 1;
    for (let i = this.#first; i < this.#end; i++) {
      this.#set(i, times[i & old] as number, values[i & old] as number, flags[i & old] as number);
    }
  }
}

/** A bucket as the server sends it in place of measurements that it merged (docs/protocol.md, section 4). */
export interface MergedBucket {
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Appends a bucket as its corners, so that no peak is lost. When within the bucket
 * its least and greatest value came is not known; they are put on its thirds.
 */
export function appendBucket(ring: SampleRing, b: MergedBucket): void {
  const third = (b.to - b.from) / 3;
  ring.push(b.from, b.first, Flag.merged);
  if (b.count <= 1) return;
  const rising = b.first <= b.last;
  ring.push(b.from + third, rising ? b.min : b.max, Flag.merged);
  ring.push(b.to - third, rising ? b.max : b.min, Flag.merged);
  ring.push(b.to, b.last, Flag.merged);
}
