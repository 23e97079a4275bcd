import { describe, expect, it } from 'vitest';
import { SampleRing } from './ring.ts';
import { trendOf } from './spark.ts';

function series(value: (i: number) => number, n = 60): SampleRing {
  const r = new SampleRing();
  for (let i = 0; i < n; i++) r.push(1e12 + 1000 * i, value(i));
  return r;
}

describe('trendOf', () => {
  it('is the change per minute', () => {
    const t = trendOf(series((i) => 70 + i / 6), 1e12);
    expect(t?.perMinute).toBeCloseTo(10, 6);
    expect(t?.direction).toBe(1);
    expect(trendOf(series((i) => 70 - i / 6), 1e12)?.direction).toBe(-1);
  });

  it('is none where the numbers only scatter, or are too few', () => {
    expect(trendOf(series((i) => 70 + ((i * 7919) % 11)), 1e12)?.direction).toBe(0);
    expect(trendOf(series(() => 70), 1e12)?.direction).toBe(0);
    expect(trendOf(series(() => 70, 2), 1e12)).toBeNull();
  });
});
