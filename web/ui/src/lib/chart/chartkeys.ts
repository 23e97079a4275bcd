import type { Chart } from './chart.ts';

const NEAR = 0.1;
const FAR = 0.5;

/** What a key does with a chart; undefined where it does nothing. */
export function keyAction(chart: Chart, e: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'altKey'>): (() => void) | undefined {
  const part = e.shiftKey ? FAR : NEAR;
  const arrow = (sign: number) => () => (e.altKey ? stepCursor(chart, sign, e.shiftKey) : chart.pan(sign * part));
  const actions: Record<string, () => void> = {
    ArrowLeft: arrow(-1),
    ArrowRight: arrow(1),
    ArrowUp: () => chart.zoom(1 / 1.5),
    ArrowDown: () => chart.zoom(1.5),
    '+': () => chart.zoom(0.5),
    '-': () => chart.zoom(2),
    PageUp: () => chart.pan(-1),
    PageDown: () => chart.pan(1),
    End: () => chart.goLive(),
    ' ': () => (chart.view.live ? chart.pause() : chart.goLive()),
    Escape: () => chart.clear(),
  };
  return actions[e.key];
}

/**
 * Moves the cursor to the next measurement of the first trace, or by a pixel where they are finer. Measuring, one
 * point of the callipers stays where the cursor was at first, and the other goes with it, as a selection of text does.
 */
function stepCursor(chart: Chart, sign: number, measuring: boolean): void {
  chart.pause();
  const { view, msPerColumn } = chart;
  const from = chart.cursor ?? (view.from + view.to) / 2;
  let next = from + sign * chart.msPerPixel;
  const s = chart.panes[0]?.series[0];
  const p = sign > 0 ? s?.after(next, msPerColumn) : s?.before(next, msPerColumn);
  if (p && Math.abs(p.time - from) < view.span / 2) next = p.time;
  next = Math.min(view.to, Math.max(view.from, next));
  if (measuring) measureTo(chart, from, next);
  chart.cursor = next;
}

function measureTo(chart: Chart, from: number, to: number): void {
  const c = chart.callipers;
  const [timeA, valueA] = c?.pane === 0 && c.timeB === from ? [c.timeA, c.valueA] : [from, valueAt(chart, from)];
  const valueB = valueAt(chart, to);
  if (valueA !== undefined && valueB !== undefined) chart.callipers = { pane: 0, timeA, valueA, timeB: to, valueB };
}

/** The value of the first trace at a time. */
function valueAt(chart: Chart, time: number): number | undefined {
  const r = chart.readings(time)[0]?.[0];
  return r?.kind === 'bucket' ? r.mean : r?.value;
}
