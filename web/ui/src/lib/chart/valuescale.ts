/** A step of 1, 2 or 5 times a power of ten that is not below the number. */
export function niceStep(least: number): number {
  if (!(least > 0) || !Number.isFinite(least)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const m = least / power;
  const step = m <= 1 + 1e-9 ? 1 : m <= 2 + 1e-9 ? 2 : m <= 5 + 1e-9 ? 5 : 10;
  return step * power;
}

/** Decimals with which multiples of the step are written. */
export function decimalsOf(step: number): number {
  return Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

export interface ValueTicks {
  readonly step: number;
  readonly decimals: number;
  readonly values: readonly number[];
}

/** Ticks at multiples of a nice step, about `count` of them between lo and hi. */
export function valueTicks(lo: number, hi: number, count: number): ValueTicks {
  const step = niceStep((hi - lo) / Math.max(1, count));
  const values: number[] = [];
  const from = Math.ceil(lo / step - 1e-9);
  const to = Math.floor(hi / step + 1e-9);
  for (let i = from; i <= to && values.length < 200; i++) values.push(i * step === 0 ? 0 : i * step);
  return { step, decimals: decimalsOf(step), values };
}

/** Of the height, what is left free above and below. */
const MARGIN = 0.08;
/** The scale shrinks when the data needs less than this of it, for HOLD_MS. */
const LOOSE = 0.55;
const HOLD_MS = 2000;

/**
 * The range of a value axis. It grows at once, so that nothing is cut off, and
 * shrinks only after the data has needed much less for two seconds, so that the
 * axis does not move with every beat.
 */
export class AutoRange {
  lo: number;
  hi: number;
  #looseSince = NaN;
  #fitted = false;

  constructor(lo = 0, hi = 1) {
    this.lo = lo;
    this.hi = hi;
  }

  /** Fits the range to the data; reports whether it changed. It shrinks where the data needs much less for holdMS. */
  fit(min: number, max: number, now: number, holdMS = HOLD_MS): boolean {
    if (!(min <= max)) return false;
    const [lo, hi] = padded(min, max);
    if (!this.#fitted) return this.#set(lo, hi);
    if (min < this.lo || max > this.hi) return this.#set(Math.min(lo, this.lo), Math.max(hi, this.hi));
    if (hi - lo > LOOSE * (this.hi - this.lo)) {
      this.#looseSince = NaN;
      return false;
    }
    if (Number.isNaN(this.#looseSince)) this.#looseSince = now;
    return now - this.#looseSince >= holdMS && this.#set(lo, hi);
  }

  #set(lo: number, hi: number): boolean {
    this.#fitted = true;
    this.#looseSince = NaN;
    if (lo === this.lo && hi === this.hi) return false;
    this.lo = lo;
    this.hi = hi;
    return true;
  }
}

/** A range around the data with a margin, on multiples of a nice step. */
function padded(min: number, max: number): [number, number] {
  let span = max - min;
  const size = Math.max(Math.abs(min), Math.abs(max));
  if (span < 1e-12 || span < size * 1e-9) span = size > 1e-12 ? size / 10 : 1; // a constant
  const middle = (min + max) / 2;
  const half = span * (0.5 + MARGIN);
  const step = niceStep(span / 20);
  return [Math.floor((middle - half) / step) * step, Math.ceil((middle + half) / step) * step];
}
