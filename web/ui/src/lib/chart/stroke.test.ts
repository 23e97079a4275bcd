import { describe, expect, it } from 'vitest';
import { Columns } from './columns.ts';
import { drawTrace } from './stroke.ts';
import { RecordingPen } from './testing/pen.ts';

/** Columns of [first, min, max, last], each of several samples; null is an empty one. Values are pixels from the top. */
function draw(list: readonly (readonly [number, number, number, number] | null)[], width = 1) {
  const c = new Columns();
  c.reset(0, list.length);
  list.forEach((v, i) => v && c.add(i, v[0], v[1], v[2], v[3], 9, 0));
  const rec = new RecordingPen();
  rec.fillStyle = rec.strokeStyle = 'trace-1';
  rec.beginPath();
  drawTrace(rec.pen, c, { x: 10, offset: 0, factor: 1 }, width, false);
  rec.stroke();
  return rec;
}

describe('drawTrace', () => {
  it('draws tall columns as bars, and no line where bars touch', () => {
    const rec = draw([[10, 0, 50, 40], [30, 20, 60, 25]]);
    expect(rec.rects.map((r) => [r.x, r.y, r.width, r.height])).toEqual([[10, 0, 1, 50], [11, 20, 1, 40]]);
    expect(rec.lines.flatMap((l) => l.points).every(([x]) => x <= 10.5)).toBe(true);
  });

  it('joins bars that do not touch with a line from the last value to the first', () => {
    const rec = draw([[10, 0, 20, 15], [80, 70, 100, 90]]);
    expect(rec.lines.map((l) => l.points)).toContainEqual([[10.5, 15], [11.5, 80]]);
  });

  it('draws flat columns as lines from first to last over both extremes', () => {
    const rec = draw([[10, 9, 12, 11], [11, 10, 13, 12]]);
    expect(rec.rects).toEqual([]);
    expect(rec.lines).toHaveLength(1);
    expect(rec.lines[0]?.points.map((p) => p[1])).toEqual([10, 10, 9, 12, 11, 11, 10, 13, 12]);
  });

  it('leads lines into bars and out of them', () => {
    const points = draw([[5, 4, 6, 5], [10, 0, 50, 40], [41, 40, 42, 41]]).lines.map((l) => l.points);
    expect(points[0]?.at(-1)).toEqual([11.5, 10]);
    expect(points[1]?.[0]).toEqual([11.5, 40]);
  });

  it('does not join over an empty column what lies behind another bar', () => {
    const rec = draw([[10, 0, 50, 40], null, [30, 20, 60, 25]]);
    expect(rec.lines.map((l) => l.points)).toContainEqual([[10.5, 40], [12.5, 30]]);
  });

  it('makes bars as wide as lines, around the middle of the column', () => {
    expect(draw([[10, 0, 50, 40]], 2.5).rects[0]).toMatchObject({ x: 9, width: 3 });
  });
});
