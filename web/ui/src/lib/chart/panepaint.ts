import { type Columns } from './columns.ts';
import type { Layout, PaneBox } from './layout.ts';
import { paintPaper, type Paper } from './paper.ts';
import { Flag } from './ring.ts';
import { between, drawTrace, type Placement } from './stroke.ts';
import type { Pen } from './surface.ts';
import { traceColour, type Theme } from './theme.ts';
import type { Tick } from './timescale.ts';
import { valueTicks } from './valuescale.ts';

/** A pane as it is painted. */
export interface PaneLook {
  readonly box: PaneBox;
  readonly lo: number;
  readonly hi: number;
  readonly paper: Paper | null;
}

/** Columns of the view: number of the first, ms of each. */
export interface Window {
  readonly start: number;
  readonly msPerColumn: number;
}

/** Ticks of the value axis of a pane: about one every 40 CSS pixels. */
export function paneTicks(pane: PaneLook, ratio: number): ReturnType<typeof valueTicks> {
  return valueTicks(pane.lo, pane.hi, Math.max(1, pane.box.height / ratio / 40));
}

/** The y of values of the pane. */
export const paneScale = (p: PaneLook): Pick<Placement, 'offset' | 'factor'> => between(p.box.top, p.box.height, p.lo, p.hi);

/** The x of a time, in device pixels. */
export const xOf = (l: Layout, w: Window, time: number): number => l.left + time / w.msPerColumn - w.start;

/** Paints the empty pane between the columns a and b (from the left edge): background, grid or paper. */
export function paintGround(pen: Pen, t: Theme, l: Layout, pane: PaneLook, w: Window, ticks: readonly Tick[], a: number, b: number): void {
  const { top, height } = pane.box;
  const area = { left: l.left + a, right: l.left + b, top, bottom: top + height };
  pen.fillStyle = t.surface;
  pen.fillRect(area.left, top, b - a, height);
  const scale = paneScale(pane);
  if (pane.paper) {
    const mm = pane.paper.pixelsPerMM * l.ratio;
    // A line every mm at fixed times; the period of the thick ones keeps the numbers small.
    const period = (5 * 1000) / pane.paper.speed;
    const before = Math.floor((w.start * w.msPerColumn) / period) * period;
    paintPaper(pen, t, area, mm, xOf(l, w, before), scale.offset);
    return;
  }
  pen.strokeStyle = t.line;
  pen.lineWidth = Math.max(1, Math.round(l.ratio));
  pen.beginPath();
  for (const v of paneTicks(pane, l.ratio).values) {
    const y = Math.round(scale.offset + v * scale.factor) + 0.5;
    pen.moveTo(area.left, y);
    pen.lineTo(area.right, y);
  }
  for (const tick of ticks) {
    const x = Math.round(xOf(l, w, tick.time)) + 0.5;
    if (x < area.left || x >= area.right) continue;
    pen.moveTo(x, top);
    pen.lineTo(x, top + height);
  }
  pen.globalAlpha = 0.55;
  pen.stroke();
  pen.globalAlpha = 1;
}

/** Paints the gaps of a series: hatched, so that they are not taken for a value. */
export function paintGaps(pen: Pen, t: Theme, l: Layout, pane: PaneLook, c: Columns, w: Window, gapMS: number): void {
  const x0 = l.left + c.start - w.start;
  let filled = Number.isNaN(c.entryTime) ? NaN : Math.max(-1, c.entryTime / w.msPerColumn - c.start);
  for (let i = 0; i < c.length; i++) {
    if (c.count[i] === 0) continue;
    if ((c.flags[i] as number) & Flag.gap && !Number.isNaN(filled)) hatch(pen, t, l, pane.box, x0 + filled + 1, x0 + i);
    filled = i;
  }
  const exit = (c.exitTime - c.start * w.msPerColumn) / w.msPerColumn;
  const last = Number.isNaN(filled) ? NaN : filled;
  if ((exit - last) * w.msPerColumn > gapMS) hatch(pen, t, l, pane.box, x0 + last + 1, x0 + Math.min(exit, c.length));
}

function hatch(pen: Pen, t: Theme, l: Layout, { top, height }: PaneBox, from: number, to: number): void {
  const x = Math.max(l.left, from);
  if (to - x < 1) return;
  pen.fillStyle = t.line;
  pen.globalAlpha = 0.5;
  pen.fillRect(x, top, to - x, height);
  pen.globalAlpha = 1;
}

/** Paints the trace of the columns; they are drawn at their places in the window. */
export function paintTrace(pen: Pen, t: Theme, l: Layout, pane: PaneLook, c: Columns, w: Window, colour: number): void {
  const place: Placement = { x: l.left + c.start - w.start, ...paneScale(pane) };
  const y = (v: number): number => place.offset + v * place.factor;
  const enters = !Number.isNaN(c.enter);
  pen.beginPath();
  if (enters) pen.moveTo(place.x, y(c.enter));
  pen.strokeStyle = pen.fillStyle = traceColour(t, colour);
  pen.lineWidth = 1.25 * l.ratio;
  drawTrace(pen, c, place, pen.lineWidth, enters);
  if (!Number.isNaN(c.leave)) pen.lineTo(place.x + c.length, y(c.leave));
  pen.lineJoin = 'bevel';
  pen.stroke();
  paintDots(pen, t, l, c, place, colour, c.entryTime / w.msPerColumn - c.start);
  paintMerged(pen, t, l, pane.box, c, place.x);
}

/** Single samples are shown as dots where they are far apart. */
function paintDots(pen: Pen, t: Theme, l: Layout, c: Columns, p: Placement, colour: number, entry: number): void {
  const apart = 10 * l.ratio;
  let last = Number.isNaN(entry) ? -Infinity : entry;
  for (let i = 0; i < c.length; i++) {
    if (c.count[i] === 0) continue;
    const alone = i - last >= apart && c.count[i] === 1;
    last = i;
    if (!alone) continue;
    pen.fillStyle = traceColour(t, colour);
    const size = Math.round(3 * l.ratio);
    pen.fillRect(p.x + i + 0.5 - size / 2, p.offset + (c.last[i] as number) * p.factor - size / 2, size, size);
  }
}

/** Stretches of measurements that the server merged have dots along the top. */
function paintMerged(pen: Pen, t: Theme, l: Layout, { top }: PaneBox, c: Columns, x: number): void {
  const thick = Math.max(2, Math.round(2 * l.ratio));
  pen.fillStyle = t.warning;
  for (let i = 0; i < c.length; i++) {
    if ((c.flags[i] as number) & Flag.merged && (c.start + i) % (3 * thick) < thick) pen.fillRect(x + i, top, 1, thick);
  }
}
