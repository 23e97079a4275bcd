import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AutoRange, niceStep, valueTicks } from './valuescale.ts';

describe('valueTicks', () => {
  it('are multiples of 1, 2 or 5 times a power of ten', () => {
    expect(valueTicks(-0.3, 1.2, 5)).toEqual({ step: 0.5, decimals: 1, values: [0, 0.5, 1] });
    expect(valueTicks(0, 100, 5).values).toEqual([0, 20, 40, 60, 80, 100]);
    expect(niceStep(0.03)).toBeCloseTo(0.05, 12);
  });

  it('lie inside, and are as many as asked for or fewer', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.double({ min: 1e-6, max: 1e9, noNaN: true }), fc.integer({ min: 2, max: 12 }), (lo, span, n) => {
        const hi = lo + span;
        if (hi - lo < Math.abs(lo) * 1e-9) return;
        const t = valueTicks(lo, hi, n);
        expect(t.values.length).toBeLessThanOrEqual(n + 1);
        for (const v of t.values) {
          expect(v).toBeGreaterThanOrEqual(lo - t.step * 1e-6);
          expect(v).toBeLessThanOrEqual(hi + t.step * 1e-6);
        }
      }),
    );
  });
});

describe('AutoRange', () => {
  it('always holds the data', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true })), { minLength: 1 }), (list) => {
        const r = new AutoRange();
        list.forEach(([min, span], i) => {
          r.fit(min, min + span, 700 * i);
          expect(r.lo).toBeLessThanOrEqual(min);
          expect(r.hi).toBeGreaterThanOrEqual(min + span);
          expect(r.hi).toBeGreaterThan(r.lo);
        });
      }),
    );
  });

  it('does not move for small changes, and shrinks after two seconds of much less', () => {
    const r = new AutoRange();
    r.fit(0, 100, 0);
    const before = [r.lo, r.hi];
    expect(r.fit(5, 95, 10)).toBe(false);
    expect(r.fit(40, 60, 1000)).toBe(false);
    expect(r.fit(40, 60, 2900)).toBe(false);
    expect([r.lo, r.hi]).toEqual(before);
    expect(r.fit(40, 60, 3001)).toBe(true);
    expect(r.hi - r.lo).toBeLessThan(30);
  });
});
