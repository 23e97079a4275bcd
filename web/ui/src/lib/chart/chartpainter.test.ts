import { describe, expect, it } from 'vitest';
import { ChartPainter, type Stage, type Style } from './chartpainter.ts';
import { Pane } from './pane.ts';
import { paperSpan } from './paper.ts';
import { Series } from './series.ts';
import { RecordingPen } from './testing/pen.ts';
import { testTheme } from './testing/theme.ts';
import { emptyTile } from './tile.ts';
import { TileCache } from './tilecache.ts';
import { TimeFormat } from './timescale.ts';
import { TimeView } from './view.ts';

const style: Style = { theme: testTheme, format: new TimeFormat('en-GB'), number: (v, d) => v.toFixed(d), pixelsPerMM: 4 };
const T0 = 1.7e12;

function chart(value: (t: number) => number, rate = 500, count = 10_000) {
  const series = new Series({ label: 'II', unit: 'mV', colour: 1, rate, fetch: async (_, a, b) => emptyTile(a, b) }, new TileCache());
  const times = Array.from({ length: count }, (_, i) => T0 + (i * 1000) / rate);
  series.append(times, times.map((t) => value(t - T0)));
  const pane = new Pane({ label: 'ECG', unit: 'mV', series: [series] });
  const painter = new ChartPainter([pane]);
  const rec = new RecordingPen();
  const stage: Stage = { pen: rec.pen, canvas: {} as CanvasImageSource, width: 870, height: 400, ratio: 1 };
  const paint = (view: TimeView, now = 0): RecordingPen => {
    rec.clear();
    painter.paint(stage, style, view, now);
    return rec;
  };
  const trace = (): (readonly [number, number])[] => rec.traceOf('trace-1');
  return { series, pane, painter, paint, rec, trace };
}

describe('ChartPainter', () => {
  it('draws a 1 mV square of 100 ms 10 mm high and 2.5 mm wide on paper of 25 mm/s and 10 mm/mV', () => {
    const c = chart((t) => (t >= 2000 && t < 2100 ? 1 : 0));
    c.paint(new TimeView(5000, T0 + 5000)); // its layout
    c.pane.paper = { speed: 25, gain: 10 };
    const view = new TimeView(paperSpan({ speed: 25, gain: 10, pixelsPerMM: 4 }, c.painter.layout.plotWidth), T0 + 5000);
    c.paint(view);
    expect(c.painter.toScale).toBe(true);
    const points = c.trace();
    const ys = points.map((p) => p[1]);
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    expect((bottom - top) / 4).toBeCloseTo(10, 6);
    const high = points.filter((p) => p[1] < (top + bottom) / 2).map((p) => p[0]);
    expect(Math.abs((Math.max(...high) - Math.min(...high)) / 4 - 2.5)).toBeLessThanOrEqual(0.25); // a pixel
  });

  it('draws lines of paper every mm, thick ones every 5 mm, and keeps them at fixed times', () => {
    const c = chart((t) => Math.sin(t / 100));
    c.pane.paper = { speed: 25, gain: 10 };
    c.paint(new TimeView(5000, T0 + 5000));
    const view = new TimeView(paperSpan({ speed: 25, gain: 10, pixelsPerMM: 4 }, c.painter.layout.plotWidth), T0 + 5000);
    const xs = (): number[] => c.rec.lines.filter((l) => l.style === 'danger' && l.points[0]?.[0] === l.points[1]?.[0]).map((l) => l.points[0]?.[0] as number);
    c.paint(view);
    const all = xs();
    const thin = [...new Set(all)].sort((a, b) => a - b);
    expect(thin.slice(1).every((x, i) => Math.abs(x - (thin[i] as number) - 4) < 1e-9)).toBe(true);
    const thick = all.filter((x) => all.filter((y) => y === x).length === 2);
    expect(new Set(thick).size).toBeCloseTo(thin.length / 5, -1);
    view.pan(-400); // 10 mm
    c.painter.invalidate();
    c.paint(view);
    expect(new Set(xs().map((x) => x % 4))).toEqual(new Set(thin.map((x) => x % 4)));
  });

  it('moves what is drawn, and draws only what is new', () => {
    const c = chart((t) => Math.sin(t / 100));
    const view = new TimeView(8000, T0 + 10_000); // 10 ms a column
    c.paint(view);
    view.moveEdge(T0 + 10_050);
    c.paint(view);
    expect([c.rec.images, c.painter.paints.full, c.painter.paints.strips]).toEqual([1, 1, 1]);
    const xs = c.trace().map((p) => p[0]);
    const { left, plotWidth } = c.painter.layout;
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(left + plotWidth - 5 - 2);
    expect(Math.max(...xs)).toBeLessThanOrEqual(left + plotWidth);
  });

  it('draws the same whether at once or in strips', () => {
    const value = (t: number): number => Math.sin(t / 37) + (t % 1000 < 10 ? 2 : 0);
    const at = (list: (readonly [number, number])[]): Map<number, string> => {
      const byX = new Map<number, number[]>();
      for (const [x, y] of list) if (x % 1 === 0.5) byX.set(x, [...(byX.get(x) ?? []), Math.round(y * 1e6)]);
      return new Map([...byX].map(([x, ys]) => [x, `${Math.min(...ys)} ${Math.max(...ys)}`]));
    };
    const once = chart(value);
    once.paint(new TimeView(8000, T0 + 12_000));
    const whole = at(once.trace());
    const steps = chart(value);
    const view = new TimeView(8000, T0 + 11_000);
    steps.paint(view);
    for (let t = 11_030; t <= 12_000; t += 30) {
      const before = steps.painter.window.start;
      view.moveEdge(T0 + Math.min(t, 12_000));
      steps.paint(view, t);
      const shift = steps.painter.window.start - before;
      expect(shift).toBeGreaterThan(0);
    }
    view.moveEdge(T0 + 12_000);
    steps.paint(view);
    const { left, plotWidth } = steps.painter.layout;
    const last = at(steps.trace());
    let compared = 0;
    for (const [x, ys] of last) {
      if (x < left + plotWidth - 1) continue;
      expect(ys).toBe(whole.get(x));
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
    expect(steps.painter.paints.full).toBe(1);
  });

  it('draws everything again when the zoom changes or what was drawn changed', () => {
    const c = chart((t) => Math.sin(t / 100));
    const view = new TimeView(8000, T0 + 10_000);
    c.paint(view);
    view.zoom(0.5, T0);
    c.paint(view);
    expect(c.painter.paints.full).toBe(2);
    c.paint(view);
    expect(c.painter.paints.full).toBe(2); // nothing changed
    c.painter.invalidate();
    c.paint(view);
    expect(c.painter.paints.full).toBe(3);
  });

  it('marks gaps and does not draw through them', () => {
    const c = chart(() => 1, 100, 500); // up to 5 s
    c.series.append([T0 + 9000, T0 + 9010], [1, 1]);
    c.paint(new TimeView(8000, T0 + 10_000));
    const { left } = c.painter.layout;
    const [from, to] = [left + 300, left + 700]; // 5 s and 9 s
    const lines = c.rec.lines.filter((l) => l.style === 'trace-1');
    expect(lines.some((l) => l.points.some((p, i) => (l.points[i - 1]?.[0] ?? Infinity) < from - 2 && p[0] > to))).toBe(false);
    const hatch = c.rec.rects.filter((r) => r.style === 'line');
    expect(hatch.length).toBe(1);
    expect(hatch[0]?.x).toBeCloseTo(from, -1);
    expect(hatch[0]?.width).toBeCloseTo(to - from, -1);
  });

  it('puts the time axis under the traces', () => {
    const c = chart((t) => t);
    const rec = c.paint(new TimeView(8000, T0 + 10_000));
    const labels = rec.texts.filter((t) => /^\d\d:\d\d:\d\d$/.test(t.text));
    expect(labels.length).toBeGreaterThan(3);
    const seconds = (t: string): number => Number(t.slice(-2));
    const [a, b] = [labels[0], labels[1]] as const;
    if (a && b) expect(b.x - a.x).toBe((seconds(b.text) - seconds(a.text) + 60) % 60 * 100);
  });
});
