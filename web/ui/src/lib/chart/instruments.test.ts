import { beforeEach, describe, expect, it } from 'vitest';
import type { Chart } from './chart.ts';
import { keyAction } from './chartkeys.ts';
import type { ChartPainter } from './chartpainter.ts';
import { Instruments } from './instruments.ts';
import { layOut } from './layout.ts';
import { TimeView } from './view.ts';

const layout = layOut(870, 400, 1, [1, 1]);
const looks = layout.panes.map((box) => ({ box, lo: 0, hi: 10, paper: null }));
const painter = { layout, looks, window: { start: 1000, msPerColumn: 10 } };
const x = (column: number): number => layout.left + column;
const y = (pane: number, value: number): number => {
  const { top, height } = layout.panes[pane] as { top: number; height: number };
  return top + height * (1 - value / 10);
};

describe('Instruments', () => {
  let i: Instruments;
  beforeEach(() => {
    i = new Instruments(painter as unknown as ChartPainter, () => 1);
  });

  it('keep the cursor under the pointer while the chart moves, and at its time where it was put there', () => {
    i.point(x(100));
    expect(i.cursor).toBe(11_000);
    painter.window.start = 1010;
    i.follow();
    expect(i.cursor).toBe(11_100);
    i.cursor = 12_345;
    i.follow();
    expect(i.cursor).toBe(12_345);
    i.point(null);
    expect(i.cursor).toBeNull();
    painter.window.start = 1000;
  });

  it('leave the drag to the chart unless a tool is chosen', () => {
    expect(i.dragStart(x(1), y(0, 1))).toBe(false);
  });

  it('measure between two points of one pane', () => {
    i.tool = 'measure';
    i.dragStart(x(100), y(0, 2));
    i.dragTo(x(180), y(1, 5)); // over the other pane: still the values of the first one
    expect(i.callipers).toMatchObject({ pane: 0, timeA: 11_000, timeB: 11_800 });
    expect(i.callipers?.valueA).toBeCloseTo(2, 9);
    expect(i.callipers?.valueB).toBeLessThan(0);
  });

  it('take hold of a point that was set', () => {
    i.tool = 'measure';
    i.dragStart(x(100), y(0, 2));
    i.dragTo(x(180), y(0, 5));
    i.dragEnd();
    i.dragStart(x(103), y(0, 2)); // near the first one
    i.dragTo(x(120), y(0, 3));
    expect([i.callipers?.timeA, i.callipers?.timeB]).toEqual([11_800, 11_200]);
    i.dragEnd();
    i.dragStart(x(300), y(0, 2)); // near none
    i.dragTo(x(310), y(0, 2));
    expect([i.callipers?.timeA, i.callipers?.timeB]).toEqual([13_000, 13_100]);
  });

  it('select a stretch in either direction, and clear all of it', () => {
    i.tool = 'select';
    i.dragStart(x(200), y(0, 2));
    i.dragTo(x(100), y(0, 2));
    expect(i.selection).toEqual([11_000, 12_000]);
    i.clear();
    expect([i.selection, i.callipers, i.cursor]).toEqual([null, null, null]);
  });
});

describe('keyAction', () => {
  const view = new TimeView(1000, 5000);
  const chart = {
    view, panes: [], msPerColumn: 1, msPerPixel: 1, cursor: null as number | null, cleared: 0,
    pan: (part: number) => view.pan(part * view.span),
    zoom: (f: number) => view.zoom(f, (view.from + view.to) / 2),
    pause: () => view.pause(),
    goLive: () => view.goLive(),
    clear: () => chart.cleared++,
  };
  const press = (key: string, more: { shiftKey?: boolean; altKey?: boolean } = {}): boolean => {
    const act = keyAction(chart as unknown as Chart, { key, shiftKey: false, altKey: false, ...more });
    act?.();
    return act !== undefined;
  };

  it('moves, zooms, pauses and goes back to live', () => {
    press('ArrowLeft');
    expect([view.from, view.live]).toEqual([3900, false]);
    press('ArrowLeft', { shiftKey: true });
    expect(view.from).toBe(3400);
    press('+');
    expect(view.span).toBe(500);
    press('End');
    expect([view.to, view.live]).toEqual([5000, true]);
    press(' ');
    expect(view.live).toBe(false);
    press('ArrowLeft', { altKey: true });
    expect(chart.cursor).toBe((view.from + view.to) / 2 - 1);
    press('Escape');
    expect(chart.cleared).toBe(1);
    expect(press('x')).toBe(false);
  });
});
