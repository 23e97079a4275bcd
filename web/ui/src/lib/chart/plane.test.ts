import { describe, expect, it } from 'vitest';
import { fitPlane, gazeOf, hereAt, MAP, paintPlane, pointAt, pointsOf, pointsOfRuns, SCENE, shapeOf, thinned, type PlanePath, type PlanePoint } from './plane.ts';
import { Series } from './series.ts';
import { RecordingPen } from './testing/pen.ts';
import { testTheme } from './testing/theme.ts';
import { TileCache } from './tilecache.ts';
import { emptyTile } from './tile.ts';

const at = (time: number, x: number, y: number): PlanePoint => ({ time, x, y });
const path = (colour: number, ...points: PlanePoint[]): PlanePath => ({ points, colour, here: points.at(-1) ?? null });
const size = { width: 200, height: 100, ratio: 1 };

const series = () => new Series({ label: '', unit: '', colour: 1, rate: 10, fetch: async (_, from, to) => emptyTile(from, to) }, new TileCache());

describe('points', () => {
  it('are what two series measured at the same time, in the stretch', () => {
    const [x, y] = [series(), series()];
    x.append([10, 20, 30, 40, 50], [1, 2, 3, 4, 5]);
    y.append([10, 20, 30, 40, 50], [0.1, NaN, 0.3, 0.4, 0.5]);
    expect(pointsOf(x, y, 15, 40, 1)).toEqual([at(30, 3, 0.3), at(40, 4, 0.4)]); // half a point is none
  });
  it('are read from documents', () => {
    expect([gazeOf({ x: 0.5, y: 1, confidence: 1 }, 7), gazeOf({ x: 0.5 }, 7), gazeOf(null, 7), gazeOf('x', 7)]).toEqual([at(7, 0.5, 1), null, null, null]);
  });
  it('are no more than a screen tells apart, the newest always', () => {
    const many = thinned(Array.from({ length: 2500 }, (_, i) => at(i, i, i)));
    expect([many.length, many.at(-1)?.time]).toEqual([834, 2499]);
    const cut = thinned(Array.from({ length: 2500 }, (_, i) => ({ ...at(i, i, i), gap: i === 100 })));
    expect(cut.filter((p) => p.gap).map((p) => p.time)).toEqual([100]); // a gap is kept
  });
  it('are thinned on the way, and say where measurements are missing', () => {
    const [x, y] = [series(), series()];
    const times = Array.from({ length: 5000 }, (_, i) => 1000 + 10 * i + (i < 2500 ? 0 : 5000));
    for (const s of [x, y]) s.append(times, times);
    const points = pointsOf(x, y, 0, 60_000, 1);
    expect(points.length).toBeLessThanOrEqual(1001);
    expect(points.length).toBeGreaterThan(700);
    expect(points.at(-1)?.time).toBe(times.at(-1));
    expect(points.filter((p) => p.gap).map((p) => p.time)).toEqual([points.find((p) => p.time > 30_000)?.time]);
  });
  it('of the history say where measurements are missing', () => {
    const f = (...list: number[]) => Float64Array.from(list);
    const at = f(10, 20, 30, 90, 100);
    const run = { kind: 'buckets' as const, from: at, to: at, last: at, first: at, min: at, max: at, mean: at, count: f(1, 1, 1, 1, 1) };
    expect(pointsOfRuns([run], [run]).map((p) => p.gap ?? false)).toEqual([false, false, false, true, false]);
  });
  it('at a time are as they were measured, or old', () => {
    const [x, y] = [series(), series()];
    x.append([0, 100, 200], [1, 2, 3]);
    y.append([0, 100, 200], [4, 5, 6]);
    const thin = [at(0, 1, 4), at(200, 3, 6)];
    expect(hereAt(x, y, thin, 110, 50, 1)).toEqual({ point: at(100, 2, 5), age: 0 }); // not one of those that are drawn
    expect(hereAt(x, y, thin, 540, 50, 1)?.age).toBe(0); // the next one may still come: ten a second
    expect(hereAt(x, y, thin, 5200, 50, 1)).toEqual({ point: at(200, 3, 6), age: 5000 });
    expect(hereAt(x, y, [], 5200, 50, 1)).toBeNull();
  });
  it('are found by time', () => {
    const list = [at(10, 1, 1), at(20, 2, 2)];
    expect([pointAt(list, 9), pointAt(list, 19)?.x, pointAt(list, 20)?.x, pointAt(list, 99)?.x]).toEqual([null, 1, 2, 2]);
  });
});

describe('a plane', () => {
  it('of a scene is whole, from its top left corner', () => {
    const view = fitPlane(size, SCENE, [path(1, at(0, 0.5, 0.5))]);
    expect([view.x({ x: 0 }), view.y({ y: 0 }), view.x({ x: 1 }), view.y({ y: 1 })]).toEqual([10, 10, 190, 90]);
  });
  it('grows with a device that counts pixels', () => {
    const view = fitPlane(size, SCENE, [path(1, at(0, 1600, 1200))]);
    expect([view.x({ x: 1600 }), view.y({ y: 1200 })]).toEqual([190, 90]);
  });
  it('of a map has north up, and a metre is as long both ways', () => {
    const view = fitPlane(size, MAP, [path(1, at(0, 0, 0), at(1, 0, 40)), path(2, at(0, 100, 0))]);
    expect(view.y({ y: 40 })).toBeLessThan(view.y({ y: 0 }));
    expect(view.y({ y: 0 }) - view.y({ y: 1 })).toBeCloseTo(view.x({ x: 1 }) - view.x({ x: 0 }));
  });
  it('has a line of its own colour for each way, and marks that do not cover each other', () => {
    const rec = new RecordingPen();
    const two = [path(1, at(0, 0, 0), at(1, 10, 10)), path(2, at(0, 20, 0), at(1, 10, 10))].map((p, i) => ({ ...p, mark: String(i + 1), shape: i }));
    paintPlane(rec.pen, testTheme, size, MAP, two);
    expect(rec.lines.map((l) => l.style).filter((s) => s.startsWith('trace'))).toEqual(['trace-1', 'trace-2']);
    const [a, b] = rec.texts;
    expect([a?.text, b?.text]).toEqual(['1', '2']);
    expect((b?.y ?? 0) - (a?.y ?? 0)).toBe(12); // both are at one place
  });
  it('has no line through a gap, and a dot for a point alone', () => {
    const rec = new RecordingPen();
    paintPlane(rec.pen, testTheme, size, MAP, [{ ...path(1, at(0, 0, 0), at(1, 1, 0), { ...at(9, 5, 0), gap: true }, { ...at(20, 9, 0), gap: true }, at(21, 10, 0)), here: null }]);
    expect(rec.lines.map((l) => l.points.length)).toEqual([2, 2, 2]);
    const [, dot] = rec.lines;
    expect(Math.abs((dot?.points[1]?.[0] ?? 9) - (dot?.points[0]?.[0] ?? 0))).toBeLessThan(0.1);
  });
  it('tells forty apart by shape and colour', () => {
    const pairs = Array.from({ length: 40 }, (_, i) => `${shapeOf(i)} ${i % 8}`);
    expect(new Set(pairs).size).toBe(40);
  });
});
