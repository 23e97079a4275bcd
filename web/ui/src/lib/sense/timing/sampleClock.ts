import { Envelope } from './envelope.ts';

/** Device and arrival disagree by so many ms: one of the clocks was set, or the device started anew. */
const jump = 2000;

export interface SampleClockOptions {
  /** Hz that the device says it measures at. */
  rate: number;
  /** Which sample of a frame the device's timestamp belongs to. */
  stamp: 'first' | 'last';
  /** The device's timestamp wraps around at this many ms. */
  wrap?: number;
}

/**
 * Places the samples of a device on the wall clock. Frames carry the device's own timestamp; the clock learns from
 * their arrival how that runs against ours, and spreads the samples of a frame between its end and that of the last.
 *
 * Times of one device rise strictly from sample to sample. A frame that comes twice is recognised by its timestamp.
 * After a jump of either clock the placement begins anew; only where our clock was set back do times go back.
 */
export class SampleClock {
  #envelope = new Envelope();
  #last: { device: number; placed: number; arrival: number } | null = null;
  #period: number;
  #turns = 0;
  #raw: number | null = null;

  constructor(private readonly options: SampleClockOptions) {
    this.#period = 1000 / options.rate;
  }

  /** By how many millionths the device's clock runs slow (positive) or fast against ours. */
  get drift(): number {
    return (this.#envelope.slope - 1) * 1e6;
  }

  /**
   * Times in ms since 1970 of the samples of a frame; null for a frame that was there before.
   *
   * @param count of samples in the frame, at least 1
   * @param stamp of the device in ms
   * @param arrival in ms since 1970
   */
  place(count: number, stamp: number, arrival: number): Float64Array<ArrayBuffer> | null {
    if (stamp === this.#raw) return null;
    const device = this.#unwrap(stamp) + (this.options.stamp === 'first' ? (count - 1) * this.#period : 0);
    if (this.#jumped(device, arrival)) this.#restart(arrival);
    this.#envelope.add(device, arrival);
    const last = this.#last;
    const times = last ? this.#continue(count, device, last) : this.#spread(count, this.#envelope.at(device));
    this.#last = { device, placed: times[count - 1] as number, arrival };
    this.#raw = stamp;
    return times;
  }

  #unwrap(stamp: number): number {
    const { wrap } = this.options;
    if (!wrap) return stamp;
    if (this.#raw !== null && this.#raw - stamp > wrap / 2) this.#turns++;
    return stamp + this.#turns * wrap;
  }

  #jumped(device: number, arrival: number): boolean {
    const last = this.#last;
    if (!last) return false;
    return device <= last.device || Math.abs(arrival - last.arrival - (device - last.device)) > jump;
  }

  #restart(arrival: number): void {
    this.#envelope = new Envelope();
    if (this.#last && arrival < this.#last.arrival) this.#last = null;
    else if (this.#last) this.#last = { ...this.#last, device: -Infinity };
  }

  /** Frames that follow each other share their time evenly; after a gap the samples lie before the end of theirs. */
  #continue(count: number, device: number, last: { device: number; placed: number }): Float64Array<ArrayBuffer> {
    const expected = count * this.#period;
    const follows = Math.abs(device - last.device - expected) < expected / 2;
    let end = this.#envelope.at(device);
    if (follows) end = Math.min(Math.max(end, last.placed + expected / 2), last.placed + expected * 1.5);
    const start = follows ? last.placed : Math.max(end - expected, last.placed);
    return between(start, Math.max(end, start + count * 1e-3), count);
  }

  #spread(count: number, end: number): Float64Array<ArrayBuffer> {
    return between(end - count * this.#period, end, count);
  }
}

/** Even times after the start up to the end. */
function between(start: number, end: number, count: number): Float64Array<ArrayBuffer> {
  return Float64Array.from({ length: count }, (_, i) => start + ((end - start) * (i + 1)) / count);
}
