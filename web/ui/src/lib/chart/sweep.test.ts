import { describe, expect, it } from 'vitest';
import { SampleRing, Flag } from './ring.ts';
import { SweepPainter } from './sweeppainter.ts';
import { RecordingPen } from './testing/pen.ts';
import { testTheme } from './testing/theme.ts';
import { AutoRange } from './valuescale.ts';

const WIDTH = 100;
const SPAN = 1000; // 10 ms a column

function sweep(rate: number, range?: [number, number]) {
  const ring = new SampleRing();
  const painter = new SweepPainter([{ ring, colour: 1, gapMS: 100 }], new AutoRange(...(range ?? [0, 1])), range !== undefined);
  const rec = new RecordingPen();
  const canvas = { pen: rec.pen, width: WIDTH, height: 108, ratio: 1 };
  let t = 0;
  return {
    ring,
    rec,
    add(ms: number, value: (t: number) => number) {
      for (const end = t + ms; t < end; t += 1000 / rate) ring.push(t, value(t));
    },
    skip(ms: number) {
      t += ms;
    },
    draw(head = ring.lastTime) {
      rec.clear();
      painter.draw(canvas, testTheme, SPAN, head, head);
      return rec;
    },
  };
}

const points = (rec: RecordingPen) => rec.traceOf('trace-1');
const erased = (rec: RecordingPen) => rec.rects.filter((r) => r.style === 'surface').reduce((n, r) => n + r.width, 0);

describe('SweepPainter', () => {
  it('draws only what is new, and a bar ahead of it', () => {
    const s = sweep(1000, [-1, 1]);
    s.add(500, () => 0);
    s.draw();
    s.add(30, () => 0);
    const rec = s.draw();
    const xs = points(rec).map((p) => p[0]);
    expect(Math.min(...xs)).toBe(48.5); // the end of the column before
    expect(Math.max(...xs)).toBe(51.5);
    expect(erased(rec)).toBe(3 + 8);
  });

  it('loses no peak of a single sample, and puts values where they belong', () => {
    const s = sweep(1000, [0, 10]);
    s.add(200, () => 0);
    s.draw();
    s.add(100, (t) => (t === 257 ? 10 : 0));
    const peak = points(s.draw()).filter((p) => p[1] === 4); // 4 px of margin
    expect(peak.map((p) => p[0])).toEqual([25.5]);
  });

  it('wraps around the edge', () => {
    const s = sweep(1000, [0, 1]);
    s.add(980, () => 0);
    s.draw();
    s.add(61, () => 0);
    const rec = s.draw();
    const xs = points(rec).map((p) => p[0]);
    expect(xs.some((x) => x === 99.5)).toBe(true);
    expect(xs.some((x) => x === 3.5)).toBe(true);
    expect(xs.every((x) => x <= 4 || x >= 96.5)).toBe(true);
  });

  it('draws again from a late sample on', () => {
    const s = sweep(100, [0, 1]);
    s.add(500, () => 0);
    s.draw();
    s.ring.push(405, 1);
    s.add(20, () => 0);
    const xs = points(s.draw()).map((p) => p[0]);
    expect(Math.min(...xs)).toBeLessThanOrEqual(40.5);
  });

  it('leaves gaps open and marks them at the bottom', () => {
    const s = sweep(1000, [0, 1]);
    s.add(300, () => 0.5);
    s.draw();
    s.skip(200);
    s.add(100, () => 0.5);
    const rec = s.draw();
    const xs = points(rec).map((p) => p[0]);
    expect(xs.every((x) => x >= 50 || x <= 30)).toBe(true);
    expect(rec.rects.filter((r) => r.style === 'muted')).toMatchObject([{ x: 30, width: 20, height: 2, y: 106 }]);
  });

  it('joins sparse samples by lines although columns between are empty', () => {
    const s = sweep(20, [0, 1]);
    s.add(200, () => 0);
    s.draw(200);
    s.add(50, () => 1);
    const rec = s.draw(250);
    expect(points(rec)[0]).toEqual([15.5, 104]); // the centre of the sample's column
    expect(points(rec).at(-1)?.[1]).toBe(4);
  });

  it('marks merged stretches at the top', () => {
    const s = sweep(1000, [0, 1]);
    for (let t = 0; t < 200; t += 10) s.ring.push(t, 0, Flag.merged);
    const marks = s.draw().rects.filter((r) => r.style === 'warning');
    expect(marks.length).toBeGreaterThan(5);
    expect(marks.every((r) => r.y === 0)).toBe(true);
  });

  it('follows the data: grows at once, shrinks after two seconds', () => {
    const s = sweep(1000);
    s.add(500, (t) => Math.sin(t));
    s.draw();
    s.add(20, () => 100);
    const rec = s.draw();
    expect(erased(rec)).toBeGreaterThan(WIDTH); // all of it again
    const ys = points(rec).map((p) => p[1]);
    expect(Math.min(...ys)).toBeGreaterThanOrEqual(4);
    expect(Math.max(...ys)).toBeLessThanOrEqual(104);
    for (let i = 0; i < 5; i++) {
      s.add(1000, (t) => Math.sin(t));
      s.draw();
    }
    s.add(1000, (t) => Math.sin(t));
    const later = points(s.draw()).map((p) => p[1]);
    expect(Math.max(...later) - Math.min(...later)).toBeGreaterThan(50);
  });
});
