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
  /** Milliseconds between measurements as they usually come; NaN where that cannot be told. */
  readonly interval: number;
}

/** Buckets by time, an array for each quantity: shaped as the client gives them. */
export interface BucketArrays {
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly mean: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly count: Float64Array;
}

/** A tile of buckets. */
export function bucketTile(from: number, to: number, width: number, b: BucketArrays): Tile {
  return {
    from, to, width, count: b.from.length, begin: b.from, end: b.to, min: b.min, max: b.max, first: b.first, last: b.last,
    mean: b.mean, counts: b.count, interval: usualInterval(b.from, b.to, b.count),
  };
}

/** A tile of samples. */
export function sampleTile(from: number, to: number, times: Float64Array, values: Float64Array): Tile {
  const counts = new Float64Array(times.length).fill(1);
  return {
    from, to, width: 0, count: times.length, begin: times, end: times, min: values, max: values, first: values, last: values,
    mean: values, counts, interval: usualInterval(times, times, counts),
  };
}

/** A stretch without measurements. */
export function emptyTile(from: number, to: number): Tile {
  return sampleTile(from, to, new Float64Array(0), new Float64Array(0));
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
export function usualInterval(begin: Float64Array, end: Float64Array, counts: Float64Array): number {
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
