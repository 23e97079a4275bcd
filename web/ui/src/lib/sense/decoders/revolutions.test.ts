import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RevolutionRate } from './revolutions.ts';

describe('RevolutionRate', () => {
  test('needs two measurements', () => {
    const rate = new RevolutionRate(16, 1024);
    expect(rate.next({ count: 10, time: 0 }, 0)).toBeNull();
    expect(rate.next({ count: 12, time: 1024 }, 1000)).toBe(2);
  });

  test('count and clock wrap around', () => {
    const crank = new RevolutionRate(16, 1024);
    crank.next({ count: 0xffff, time: 0xfe00 }, 0);
    expect(crank.next({ count: 1, time: 0x0200 }, 1000)).toBe(2);
    const wheel = new RevolutionRate(32, 2048);
    wheel.next({ count: 0xffffffff, time: 0xfc00 }, 0);
    expect(wheel.next({ count: 2, time: 0x0400 }, 1000)).toBe(3);
  });

  test('a wheel that rolls back', () => {
    const wheel = new RevolutionRate(32, 1024);
    wheel.next({ count: 5, time: 0 }, 0);
    expect(wheel.next({ count: 3, time: 2048 }, 2000)).toBe(-1);
  });

  test('says nothing between turns, and 0 after three seconds without one', () => {
    const rate = new RevolutionRate(16, 1024);
    rate.next({ count: 1, time: 0 }, 0);
    expect(rate.next({ count: 2, time: 1024 }, 1000)).toBe(1);
    expect(rate.next({ count: 2, time: 1024 }, 2000)).toBeNull();
    expect(rate.next({ count: 2, time: 1024 }, 4000)).toBe(0);
  });

  test('says nothing after a gap in which the clock may have wrapped around', () => {
    const rate = new RevolutionRate(16, 1024);
    rate.next({ count: 1, time: 0 }, 0);
    expect(rate.next({ count: 90, time: 2048 }, 66_000)).toBeNull();
    expect(rate.next({ count: 91, time: 3072 }, 67_000)).toBe(1);
  });

  test('any counters at a steady rate give this rate', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffff), fc.integer({ min: 1, max: 4 }), (count, time, turns) => {
        const rate = new RevolutionRate(16, 1024);
        rate.next({ count, time }, 0);
        for (let s = 1; s < 200; s++) {
          const now = { count: (count + s * turns) & 0xffff, time: (time + s * 1024) & 0xffff };
          expect(rate.next(now, s * 1000)).toBe(turns);
        }
      }),
      { numRuns: 20 },
    );
  });
});
