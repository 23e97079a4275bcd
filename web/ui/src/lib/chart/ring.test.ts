import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendBucket, Flag, SampleRing } from './ring.ts';

const contents = (r: SampleRing): [number, number][] =>
  Array.from({ length: r.length }, (_, i) => [r.time(r.first + i), r.value(r.first + i)]);

describe('SampleRing', () => {
  it('keeps the newest samples, and their numbers stay', () => {
    const r = new SampleRing({ capacity: 4, max: 4 });
    r.append([1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]);
    expect(contents(r)).toEqual([[3, 30], [4, 40], [5, 50], [6, 60]]);
    expect([r.first, r.end]).toEqual([2, 6]);
    expect(r.value(3)).toBe(40);
  });

  it('grows until it holds the time, and no further than max', () => {
    const r = new SampleRing({ capacity: 2, max: 64, keepMS: 10 });
    for (let t = 0; t < 100; t++) r.push(t, t);
    expect(r.length).toBe(16);
    expect(r.lastTime - r.firstTime).toBeGreaterThanOrEqual(10);
    const wide = new SampleRing({ capacity: 2, max: 64, keepMS: 1e9 });
    for (let t = 0; t < 1000; t++) wide.push(t, t);
    expect(contents(wide)).toEqual(Array.from({ length: 64 }, (_, i) => [936 + i, 936 + i]));
  });

  it('puts late samples where their time belongs, equal times in the order of arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }), (times) => {
        const r = new SampleRing({ capacity: 2, max: 64, keepMS: Infinity });
        times.forEach((t, i) => r.push(t, i));
        const model = times.map((t, i): [number, number] => [t, i]).sort((a, b) => a[0] - b[0]);
        expect(contents(r)).toEqual(model);
      }),
    );
  });

  it('says from where late samples changed it, and counts those that are too old', () => {
    const r = new SampleRing({ capacity: 4, max: 4 });
    r.append([10, 20, 30], [1, 2, 3]);
    expect(r.takeReordered()).toBe(Infinity);
    r.push(15, 9);
    expect(r.takeReordered()).toBe(15);
    expect(r.takeReordered()).toBe(Infinity);
    r.append([40, 50], [4, 5]);
    r.push(1, 1);
    expect(r.dropped).toBe(1);
    expect(r.firstTime).toBeGreaterThan(1);
  });

  it('marks the first sample behind a gap, and takes values that are not finite for one', () => {
    const r = new SampleRing();
    r.gap();
    r.append([1, 2], [1, 2]);
    r.gap();
    r.append([9, 10, 11, 12], [3, 4, NaN, 5]);
    expect(Array.from({ length: r.length }, (_, i) => r.flags(i))).toEqual([0, 0, Flag.gap, 0, Flag.gap]);
  });

  it('finds the first sample that is not before a time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }), fc.integer({ min: -1, max: 21 }), (times, t) => {
        const r = new SampleRing({ capacity: 2, max: 16 });
        times.sort((a, b) => a - b).forEach((x) => r.push(x, 0));
        const i = contents(r).findIndex(([x]) => x >= t);
        expect(r.lowerBound(t)).toBe(i < 0 ? r.end : r.first + i);
      }),
    );
  });

  it('keeps the peaks of merged buckets', () => {
    const r = new SampleRing();
    appendBucket(r, { min: -5, max: 9, first: 1, last: 2, count: 100, from: 1000, to: 1030 });
    expect(contents(r)).toEqual([[1000, 1], [1010, -5], [1020, 9], [1030, 2]]);
    expect(r.flags(0)).toBe(Flag.merged);
    appendBucket(r, { min: 4, max: 4, first: 4, last: 4, count: 1, from: 1040, to: 1040 });
    expect(r.length).toBe(5);
  });
});
