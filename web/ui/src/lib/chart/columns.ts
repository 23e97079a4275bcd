import { Flag, type SampleRing } from './ring.ts';

/**
 * What a trace is drawn from: for each column of pixels the first, least,
 * greatest and last value in it. Columns are numbered from the Unix epoch,
 * `floor(time / msPerColumn)`, and not from the edge of the screen. So a sample
 * stays in its column while the trace moves, and peaks do not flicker.
 */
export class Columns {
  first = new Float64Array(0);
  min = new Float64Array(0);
  max = new Float64Array(0);
  last = new Float64Array(0);
  /** Measurements in the column; 0: there is nothing to draw. */
  count = new Float64Array(0);
  /** See Flag: `gap` is about the line that leads into the column. */
  flags = new Uint8Array(0);
  /** Number of the column at index 0. */
  start = 0;
  length = 0;
  /** The value where the trace enters at the left edge and leaves at the right one; NaN: it does not. */
  enter = NaN;
  leave = NaN;
  /** Times of the measurements next to the columns; NaN: there are none. */
  entryTime = NaN;
  exitTime = NaN;

  /** Empties the columns from start up to but not including end. */
  reset(start: number, end: number): void {
    this.start = start;
    this.length = Math.max(0, end - start);
    if (this.count.length < this.length) this.#allocate(this.length);
    this.count.fill(0, 0, this.length);
    this.flags.fill(0, 0, this.length);
  }

  /** Adds measurements to the column at the index: one, or those of a bucket. */
  add(i: number, first: number, min: number, max: number, last: number, count: number, flags: number): void {
    if (this.count[i] === 0) {
      this.first[i] = first;
      this.min[i] = min;
      this.max[i] = max;
    } else {
      if (min < (this.min[i] as number)) this.min[i] = min;
      if (max > (this.max[i] as number)) this.max[i] = max;
      flags &= ~Flag.gap; // a gap inside a column cannot be seen
    }
    this.last[i] = last;
    this.count[i] = (this.count[i] as number) + count;
    this.flags[i] = (this.flags[i] as number) | flags;
  }

  /** Least and greatest value of all columns, or null if all are empty. */
  range(): [number, number] | null {
    let lo = Infinity;
    let hi = -Infinity;
    for (let i = 0; i < this.length; i++) {
      if (this.count[i] === 0) continue;
      if ((this.min[i] as number) < lo) lo = this.min[i] as number;
      if ((this.max[i] as number) > hi) hi = this.max[i] as number;
    }
    return lo <= hi ? [lo, hi] : null;
  }

  #allocate(n: number): void {
    this.first = new Float64Array(n);
    this.min = new Float64Array(n);
    this.max = new Float64Array(n);
    this.last = new Float64Array(n);
    this.count = new Float64Array(n);
    this.flags = new Uint8Array(n);
  }
}

export const columnOf = (time: number, msPerColumn: number): number => Math.floor(time / msPerColumn);

/**
 * Adds the samples of the ring to the columns, those from index `from` of the
 * ring on. A step in time of more than gapMS is a gap.
 */
export function addRing(columns: Columns, ring: SampleRing, msPerColumn: number, gapMS = Infinity, from = ring.first): void {
  const end = columns.start + columns.length;
  let i = Math.max(from, ring.lowerBound(columns.start * msPerColumn));
  let before = i > ring.first ? ring.time(i - 1) : NaN;
  let column = columns.start;
  let edge = (column + 1) * msPerColumn;
  for (; i < ring.end; i++) {
    const t = ring.time(i);
    if (t >= edge) {
      column = columnOf(t, msPerColumn);
      if (column >= end) return;
      edge = (column + 1) * msPerColumn;
    }
    const v = ring.value(i);
    const flags = ring.flags(i) | (t - before > gapMS ? Flag.gap : 0);
    columns.add(Math.max(0, column - columns.start), v, v, v, v, 1, flags);
    before = t;
  }
}
