import { bucketTile, sampleTile, type BucketArrays, type Tile } from '../tile.ts';

export type TestBucket = { readonly [Key in keyof BucketArrays]: number };
export interface TestSample {
  readonly payload: number;
  readonly timestamp: number;
}

/** A tile of buckets, written one by one. */
export function tileOfBuckets(from: number, to: number, width: number, buckets: readonly TestBucket[]): Tile {
  const column = (key: keyof BucketArrays): Float64Array => Float64Array.from(buckets, (b) => b[key]);
  const arrays = { from: column('from'), to: column('to'), min: column('min'), max: column('max'), mean: column('mean'), first: column('first'), last: column('last'), count: column('count') };
  return bucketTile(from, to, width, arrays);
}

/** A tile of samples, written one by one. */
export function tileOfSamples(from: number, to: number, samples: readonly TestSample[]): Tile {
  return sampleTile(from, to, Float64Array.from(samples, (s) => s.timestamp), Float64Array.from(samples, (s) => s.payload));
}
