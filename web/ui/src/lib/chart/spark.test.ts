import { describe, expect, it } from 'vitest';
import { SampleRing } from './ring.ts';
import { Columns } from './columns.ts';
import { paintSpark, trendOf } from './spark.ts';
import { RecordingPen } from './testing/pen.ts';
import { testTheme } from './testing/theme.ts';
import { AutoRange } from './valuescale.ts';

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

describe('the line', () => {
  it('has no stroke through what is missing', () => {
    const from = series((i) => i);
    from.gap();
    for (const i of [70, 71, 90, 91]) from.push(1e12 + 1000 * i, i);
    const ring = new SampleRing();
    ring.appendRing(from);
    const lines = (gapMS?: number) => {
      const rec = new RecordingPen();
      paintSpark({ pen: rec.pen, width: 126, height: 40, ratio: 1 } as Parameters<typeof paintSpark>[0], testTheme, ring, 120_000, 1, new Columns(), new AutoRange(), 0, gapMS);
      return rec.lines.filter((l) => l.points.length > 1).length;
    };
    expect(lines()).toBe(2); // what the ring knows of
    expect(lines(3500)).toBe(3); // and what is too far apart
  });
});
