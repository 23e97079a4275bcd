/**
 * A stretch of the history of one series, from (inclusive) to (exclusive): all
 * of its samples, or buckets by time. Of a sample min, max, first and last are
 * its value, and begin and end are its time.
 */
export interface Tile {
  readonly from: number;
  readonly to: number;
  /** Width of the buckets in ms; 0 where there are samples. A tile of samples serves every finer level. */
  readonly width: number;
  readonly count: number;
  readonly begin: Float64Array;
  readonly end: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly mean: Float64Array;
  readonly counts: Float64Array;
  /** Measurements in the stretch that have no place in it: too many documents to fetch them all. */
  readonly left: number;
  /** Milliseconds between measurements as they usually come; NaN where that cannot be told. */
  readonly interval: number;
}

export interface TileBucket {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

export interface TileSample {
  readonly payload: unknown;
  readonly timestamp: number;
}

/** A tile of buckets. */
export function tileOfBuckets(from: number, to: number, width: number, buckets: readonly TileBucket[]): Tile {
  const column = (key: keyof TileBucket): Float64Array => Float64Array.from(buckets, (b) => b[key]);
  const tile = {
    from, to, width, count: buckets.length, left: 0,
    begin: column('from'), end: column('to'), min: column('min'), max: column('max'),
    first: column('first'), last: column('last'), mean: column('mean'), counts: column('count'),
  };
  return { ...tile, interval: usualInterval(tile.begin, tile.end, tile.counts) };
}

/** A tile of samples; `numberOf` reads the number of a payload, NaN where it has none. */
export function tileOfSamples(from: number, to: number, samples: readonly TileSample[], numberOf: (payload: unknown) => number): Tile {
  const kept = samples.filter((s) => Number.isFinite(numberOf(s.payload)));
  const times = Float64Array.from(kept, (s) => s.timestamp);
  const values = Float64Array.from(kept, (s) => numberOf(s.payload));
  const counts = new Float64Array(kept.length).fill(1);
  return {
    from, to, width: 0, count: kept.length, left: 0, begin: times, end: times, counts,
    min: values, max: values, first: values, last: values, mean: values, interval: usualInterval(times, times, counts),
  };
}

/** A stretch of which only the number of measurements is known. */
export function tileLeftOut(from: number, to: number, left: number): Tile {
  const none = new Float64Array(0);
  return { from, to, width: 0, count: 0, begin: none, end: none, min: none, max: none, first: none, last: none, mean: none, counts: none, left, interval: NaN };
}

/** Bytes that a tile takes. */
export function tileBytes(t: Tile): number {
  return 256 + 8 * t.count * (t.width === 0 ? 3 : 8);
}

/** Index of the first entry that begins at the time or later. */
export function tileLowerBound(t: Tile, time: number): number {
  let lo = 0;
  let hi = t.count;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if ((t.begin[mid] as number) < time) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/** The median distance between measurements. */
function usualInterval(begin: Float64Array, end: Float64Array, counts: Float64Array): number {
  const list: number[] = [];
  const stride = Math.max(1, Math.floor(begin.length / 100));
  for (let i = 0; i < begin.length; i += stride) {
    const n = counts[i] as number;
    if (n > 1) list.push(((end[i] as number) - (begin[i] as number)) / (n - 1));
    else if (i > 0) list.push((begin[i] as number) - (end[i - 1] as number));
  }
  if (list.length === 0) return NaN;
  return list.sort((a, b) => a - b)[list.length >> 1] as number;
}
