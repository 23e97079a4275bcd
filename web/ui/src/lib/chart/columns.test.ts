import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addRing, columnOf, Columns } from './columns.ts';
import { Flag, SampleRing } from './ring.ts';

function filled(times: number[], values: number[]): SampleRing {
  const r = new SampleRing({ max: 4096 });
  r.append(times, values);
  return r;
}

describe('Columns', () => {
  it('hold exact extremes of the samples in each column', () => {
    const sample = fc.tuple(fc.double({ min: 1e12, max: 1e12 + 1000, noNaN: true }), fc.integer({ min: -9, max: 9 }));
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 80 }), fc.constantFrom(0.7, 3, 12.5, 100), (list, msPerColumn) => {
        list.sort((a, b) => a[0] - b[0]);
        const c = new Columns();
        const start = columnOf(1e12, msPerColumn);
        c.reset(start, start + 40);
        addRing(c, filled(list.map((s) => s[0]), list.map((s) => s[1])), msPerColumn);
        for (let i = 0; i < 40; i++) {
          const model = list.filter((s) => columnOf(s[0], msPerColumn) === start + i).map((s) => s[1]);
          expect(c.count[i]).toBe(model.length);
          if (model.length === 0) continue;
          expect([c.first[i], c.min[i], c.max[i], c.last[i]]).toEqual([model[0], Math.min(...model), Math.max(...model), model.at(-1)]);
        }
      }),
    );
  });

  it('give a sample the same column wherever the view begins', () => {
    const r = filled([1003, 1009, 1021], [1, 8, 3]);
    const at = (start: number): number[] => {
      const c = new Columns();
      c.reset(start, start + 6);
      addRing(c, r, 10);
      return Array.from({ length: 6 }, (_, i) => (c.count[i] ? start + i : 0)).filter((n) => n);
    };
    expect(at(99)).toEqual([100, 102]);
    expect(at(98)).toEqual([100, 102]);
  });

  it('see gaps by the step in time and by flag', () => {
    const c = new Columns();
    c.reset(0, 10);
    const r = filled([5, 15, 55], [1, 1, 1]);
    r.gap();
    r.push(65, 1);
    addRing(c, r, 10, 30);
    expect([...c.flags.subarray(0, 10)]).toEqual([0, 0, 0, 0, 0, Flag.gap, Flag.gap, 0, 0, 0]);
  });

  it('know their range', () => {
    const c = new Columns();
    c.reset(0, 10);
    expect(c.range()).toBeNull();
    addRing(c, filled([5, 15, 55], [3, -2, 7]), 10);
    expect(c.range()).toEqual([-2, 7]);
  });
});
