import type { Run } from '@sensocto/client';
import { describe, expect, it } from 'vitest';
import { RecordingPen } from './testing/pen.ts';
import { testTheme } from './testing/theme.ts';
import { lengthOf, metres, paintTrack, pathOf, positionOf, trackOf, type Position } from './track.ts';

const at = (latitude: number, longitude: number): Position => ({ time: 0, latitude, longitude });

describe('positions', () => {
  it('are read from documents', () => {
    expect(positionOf({ latitude: 47, longitude: 8, accuracy: 5 }, 3)).toEqual({ time: 3, latitude: 47, longitude: 8, accuracy: 5 });
    expect([positionOf({ latitude: 470, longitude: 8 }, 3), positionOf('x', 3), positionOf(null, 3)]).toEqual([null, null, null]);
  });

  it('are made of buckets of latitude and longitude, each one that was measured', () => {
    const f = (...list: number[]) => Float64Array.from(list);
    const buckets = (to: Float64Array, last: Float64Array): Run => ({ kind: 'buckets', from: to, to, last, first: last, min: last, max: last, mean: last, count: to.map(() => 1) });
    const track = trackOf([buckets(f(10, 20, 30), f(47, 48, 49))], [buckets(f(10, 30), f(8, 9))]); // a measurement without longitude is no position
    expect(track).toEqual([{ time: 10, latitude: 47, longitude: 8 }, { time: 30, latitude: 49, longitude: 9 }]);
    expect(trackOf([], [])).toEqual([]);
  });

  it('are metres apart', () => {
    const d = metres(at(47.001, 8.001), at(47, 8));
    expect(d.y).toBeCloseTo(111.32, 1);
    expect(d.x).toBeCloseTo(111.32 * Math.cos((47 * Math.PI) / 180), 1);
    expect(metres(at(0, -179.999), at(0, 179.999)).x).toBeCloseTo(222.64, 1);
    expect(lengthOf([at(47, 8), at(47.001, 8), at(47, 8)])).toBeCloseTo(222.64, 1);
    expect(lengthOf([at(47, 8), at(47.001, 8), { ...at(48, 8), gap: true }])).toBeCloseTo(111.32, 1); // nothing is known of the way through a gap
  });

  it('are drawn inside, north up, the same scale both ways', () => {
    const rec = new RecordingPen();
    paintTrack(rec.pen, testTheme, { width: 300, height: 200, ratio: 1 }, [pathOf([at(47, 8), at(47.001, 8), at(47.001, 8.001)])], (m) => `${m} m`);
    const points = rec.lines.find((l) => l.style === 'trace-1')?.points ?? [];
    const [a, b, c] = points as [readonly [number, number], readonly [number, number], readonly [number, number]];
    expect(b[1]).toBeLessThan(a[1]);
    expect(c[0]).toBeGreaterThan(b[0]);
    expect((a[1] - b[1]) / (c[0] - b[0])).toBeCloseTo(1 / Math.cos((47 * Math.PI) / 180), 2);
    for (const [x, y] of points) expect(x > 0 && x < 300 && y > 0 && y < 200).toBe(true);
    expect(rec.texts[0]?.text).toMatch(/^\d+ m$/);
  });
});
