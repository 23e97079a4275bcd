import { TITLE, type Layout } from './layout.ts';
import { paneScale, paneTicks, xOf, type PaneLook, type Window } from './panepaint.ts';
import type { Pen } from './surface.ts';
import { traceColour, type Theme } from './theme.ts';
import type { Tick, TickStep, TimeFormat } from './timescale.ts';

const font = (t: Theme, l: Layout, bold = false): string => `${bold ? '600 ' : ''}${Math.round(11 * l.ratio)}px ${t.font}`;

/** What stands above a pane. */
export interface PaneTitle {
  readonly label: string;
  readonly unit: string;
  /** The traces, where there are several. */
  readonly traces: readonly { readonly label: string; readonly colour: number }[];
}

/** Paints the value axis of a pane, and fills the gutter around it. */
export function paintValueAxis(pen: Pen, t: Theme, l: Layout, pane: PaneLook, number: (v: number, decimals: number) => string): void {
  const { top, height } = pane.box;
  const ticks = paneTicks(pane, l.ratio);
  const scale = paneScale(pane);
  pen.font = font(t, l);
  pen.fillStyle = t.muted;
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  for (const v of ticks.values) {
    const y = scale.offset + v * scale.factor;
    if (y < top + 4 * l.ratio || y > top + height - 4 * l.ratio) continue;
    pen.fillText(number(v, ticks.decimals), l.left - 6 * l.ratio, y);
  }
}

/** The mark of a trace among several: its label where that is short, else its number. So traces are told apart by more than colour. */
export const markOf = (label: string, i: number): string => (label.length <= 2 ? label : String(i + 1));

const legendOf = (label: string, i: number): string => (label.length <= 2 ? `— ${label}` : `${i + 1} ${label}`);

/** Writes what a pane shows above it. */
export function paintTitle(pen: Pen, t: Theme, l: Layout, pane: PaneLook, title: PaneTitle): void {
  const y = pane.box.top - (TITLE / 2 - 1) * l.ratio;
  let x = l.left;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  const write = (text: string, colour: string, bold: boolean): void => {
    pen.font = font(t, l, bold);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
    x += pen.measureText(text).width + 8 * l.ratio;
  };
  write(title.label, t.text, true);
  if (title.unit) write(title.unit, t.muted, false);
  if (title.traces.length > 1) title.traces.forEach((trace, i) => write(legendOf(trace.label, i), traceColour(t, trace.colour), true));
}

/** Paints the time axis. */
export function paintTimeAxis(pen: Pen, t: Theme, l: Layout, w: Window, ticks: readonly Tick[], step: TickStep, format: TimeFormat): void {
  pen.fillStyle = t.background;
  pen.fillRect(0, l.axisTop, l.width, l.height - l.axisTop);
  const y = l.axisTop + 12 * l.ratio;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillStyle = t.text;
  const right = l.left + l.plotWidth;
  for (const tick of ticks) {
    const x = xOf(l, w, tick.time);
    if (x < l.left || x > right) continue;
    pen.font = font(t, l, tick.major);
    pen.fillStyle = tick.major ? t.text : t.muted;
    pen.fillText(format.tick(tick, step), Math.round(x), y);
    pen.fillRect(Math.round(x), l.axisTop, Math.max(1, Math.round(l.ratio)), 4 * l.ratio);
  }
  pen.font = font(t, l);
  pen.fillStyle = t.muted;
  pen.textAlign = 'left';
  pen.fillText(format.context(w.start * w.msPerColumn, step), l.left, l.axisTop + 28 * l.ratio);
}
