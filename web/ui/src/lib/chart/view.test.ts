import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GREATEST_SPAN, LEAST_SPAN, TimeView } from './view.ts';

describe('TimeView', () => {
  it('follows the newest measurement while it is live', () => {
    const v = new TimeView(1000, 5000);
    v.moveEdge(6000);
    expect([v.from, v.to]).toEqual([5000, 6000]);
    v.pause();
    v.moveEdge(7000);
    expect([v.from, v.to, v.live]).toEqual([5000, 6000, false]);
    v.goLive();
    expect([v.from, v.to]).toEqual([6000, 7000]);
  });

  it('leaves the edge when it is moved into the past, and is live again when moved back', () => {
    const v = new TimeView(1000, 5000);
    v.pan(-300);
    expect([v.to, v.live]).toEqual([4700, false]);
    v.pan(200);
    expect(v.live).toBe(false);
    v.pan(500);
    expect([v.to, v.live]).toEqual([5000, true]);
  });

  it('keeps the time under the pointer where it is, and its edge while live', () => {
    const v = new TimeView(1000, 5000);
    v.zoom(2, 4500);
    expect([v.from, v.to]).toEqual([3000, 5000]);
    v.pause();
    v.zoom(0.5, 3500);
    expect([v.from, v.to]).toEqual([3250, 4250]);
  });

  it('never leaves 20 ms to 100 years', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true })), (factors) => {
        const v = new TimeView(10_000, 1.7e12);
        v.pause();
        for (const f of factors) v.zoom(f, v.from + v.span / 3);
        expect(v.span).toBeGreaterThanOrEqual(LEAST_SPAN * 0.99);
        expect(v.span).toBeLessThanOrEqual(GREATEST_SPAN * 1.01);
      }),
    );
  });
});
