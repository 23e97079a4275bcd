import { markOf, paintTitle } from './axispaint.ts';
import { measure, type Callipers, type Measured } from './callipers.ts';
import type { ChartPainter, Style } from './chartpainter.ts';
import type { Pane } from './pane.ts';
import { paneScale, xOf, type PaneLook } from './panepaint.ts';
import type { Reading } from './series.ts';
import type { Pen } from './surface.ts';
import { traceColour } from './theme.ts';

/** A note at a time. */
export interface Marker {
  readonly id: string;
  readonly time: number;
  readonly text: string;
}

/** What lies over the traces. */
export interface OverlayState {
  /** Time of the cursor, or null. */
  readonly cursor: number | null;
  readonly callipers: Callipers | null;
  readonly selection: readonly [number, number] | null;
  readonly markers: readonly Marker[];
}

/** Words on the canvas. */
export interface OverlayText {
  readonly measured: (m: Measured, unit: string) => string;
  readonly clipped: () => string;
  /** A unit as people write it. */
  readonly unit: (unit: string) => string;
}

/** Paints the overlay: titles, markers, selection, callipers, cursor. */
export function paintOverlay(pen: Pen, style: Style, p: ChartPainter, state: OverlayState, text: OverlayText): void {
  pen.clearRect(0, 0, p.layout.width, p.layout.height);
  if (p.looks.length === 0) return;
  paintSelection(pen, style, p, state.selection);
  p.panes.forEach((pane, i) => {
    const traces = pane.series.map((s) => ({ label: s.options.label, colour: s.options.colour }));
    const look = p.looks[i] as PaneLook;
    paintTitle(pen, style.theme, p.layout, look, { label: pane.label, unit: text.unit(pane.unit), traces });
    if (pane.series.length > 1) paintEnds(pen, style, p, pane, look);
    if (p.clipped[i]) note(pen, style, p, text.clipped(), p.layout.left + p.layout.plotWidth, look.box.top + 11 * p.layout.ratio, 'right');
  });
  for (const marker of state.markers) paintMarker(pen, style, p, marker);
  if (state.cursor !== null) paintCursor(pen, style, p, state.cursor);
  if (state.callipers) paintCallipers(pen, style, p, state.callipers, text);
}

/** Writes the mark of each trace where it ends at the right; marks that would cover each other move down. */
function paintEnds(pen: Pen, style: Style, p: ChartPainter, pane: Pane, look: PaneLook): void {
  const { left, plotWidth, ratio } = p.layout;
  const scale = paneScale(look);
  const end = (p.window.start + plotWidth) * p.window.msPerColumn;
  const ends = pane.series.flatMap((s, i) => {
    const last = s.before(end, p.window.msPerColumn);
    return last ? [{ mark: markOf(s.options.label, i), colour: s.options.colour, y: scale.offset + last.value * scale.factor }] : [];
  });
  pen.font = `600 ${Math.round(10 * ratio)}px ${style.theme.font}`;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  let free = look.box.top + 5 * ratio;
  for (const e of ends.sort((a, b) => a.y - b.y)) {
    const y = Math.max(free, Math.min(e.y, look.box.top + look.box.height - 5 * ratio));
    free = y + 10 * ratio;
    pen.fillStyle = traceColour(style.theme, e.colour);
    pen.fillText(e.mark, left + plotWidth + 3 * ratio, y);
  }
}

const inside = (p: ChartPainter, x: number): boolean => x >= p.layout.left && x <= p.layout.left + p.layout.plotWidth;

function vertical(pen: Pen, x: number, top: number, bottom: number): void {
  pen.beginPath();
  pen.moveTo(Math.round(x) + 0.5, top);
  pen.lineTo(Math.round(x) + 0.5, bottom);
  pen.stroke();
}

/** Text on a ground that keeps it readable over traces. */
function note(pen: Pen, style: Style, p: ChartPainter, text: string, x: number, y: number, align: 'left' | 'right' | 'center'): void {
  const { ratio } = p.layout;
  pen.font = `600 ${Math.round(11 * ratio)}px ${style.theme.font}`;
  const width = pen.measureText(text).width + 8 * ratio;
  const wanted = align === 'left' ? x : align === 'right' ? x - width : x - width / 2;
  const at = Math.min(p.layout.width - width, Math.max(0, wanted));
  pen.fillStyle = style.theme.surface;
  pen.globalAlpha = 0.9;
  pen.fillRect(at, y - 9 * ratio, width, 18 * ratio);
  pen.globalAlpha = 1;
  pen.fillStyle = style.theme.text;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  pen.fillText(text, at + 4 * ratio, y);
}

function paintSelection(pen: Pen, style: Style, p: ChartPainter, selection: OverlayState['selection']): void {
  if (!selection) return;
  const { left, plotWidth, axisTop } = p.layout;
  const a = Math.max(left, xOf(p.layout, p.window, selection[0]));
  const b = Math.min(left + plotWidth, xOf(p.layout, p.window, selection[1]));
  if (b <= a) return;
  pen.fillStyle = style.theme.accent;
  pen.globalAlpha = 0.14;
  pen.fillRect(a, 0, b - a, axisTop);
  pen.globalAlpha = 1;
  pen.strokeStyle = style.theme.accent;
  pen.lineWidth = p.layout.ratio;
  vertical(pen, a, 0, axisTop);
  vertical(pen, b, 0, axisTop);
}

function paintMarker(pen: Pen, style: Style, p: ChartPainter, marker: Marker): void {
  const x = xOf(p.layout, p.window, marker.time);
  if (!inside(p, x)) return;
  pen.strokeStyle = style.theme.warning;
  pen.lineWidth = Math.max(1, Math.round(1.5 * p.layout.ratio));
  pen.setLineDash([4 * p.layout.ratio, 3 * p.layout.ratio]);
  vertical(pen, x, 0, p.layout.axisTop);
  pen.setLineDash([]);
  note(pen, style, p, `⚑ ${marker.text}`, x + 2 * p.layout.ratio, p.layout.axisTop - 12 * p.layout.ratio, 'left');
}

function paintCursor(pen: Pen, style: Style, p: ChartPainter, time: number): void {
  const x = xOf(p.layout, p.window, time);
  if (!inside(p, x)) return;
  pen.strokeStyle = style.theme.muted;
  pen.lineWidth = Math.max(1, Math.round(p.layout.ratio));
  vertical(pen, x, 0, p.layout.axisTop);
  const reach = 24 * p.window.msPerColumn * p.layout.ratio;
  p.panes.forEach((pane, i) => {
    for (const s of pane.series) {
      const r = s.reading(time, reach, p.window.msPerColumn);
      if (r) paintReading(pen, style, p, p.looks[i] as PaneLook, r, s.options.colour);
    }
  });
  note(pen, style, p, style.format.exact(time, p.window.msPerColumn), x, p.layout.axisTop + 28 * p.layout.ratio, 'center');
}

function paintReading(pen: Pen, style: Style, p: ChartPainter, look: PaneLook, r: Reading, colour: number): void {
  const scale = paneScale(look);
  const y = (v: number): number => Math.min(look.box.top + look.box.height, Math.max(look.box.top, scale.offset + v * scale.factor));
  pen.fillStyle = pen.strokeStyle = traceColour(style.theme, colour);
  pen.lineWidth = 2 * p.layout.ratio;
  pen.beginPath();
  if (r.kind === 'sample') {
    pen.arc(xOf(p.layout, p.window, r.time), y(r.value), 3.5 * p.layout.ratio, 0, 2 * Math.PI);
    pen.fill();
    return;
  }
  const x = Math.round(xOf(p.layout, p.window, (r.from + r.to) / 2)) + 0.5;
  pen.moveTo(x, y(r.min));
  pen.lineTo(x, y(r.max));
  pen.stroke();
}

function paintCallipers(pen: Pen, style: Style, p: ChartPainter, c: Callipers, text: OverlayText): void {
  const look = p.looks[c.pane];
  const pane = p.panes[c.pane];
  if (!look || !pane) return;
  const scale = paneScale(look);
  const y = (v: number): number => scale.offset + v * scale.factor;
  const [xa, xb] = [xOf(p.layout, p.window, c.timeA), xOf(p.layout, p.window, c.timeB)];
  const { top, height } = look.box;
  pen.strokeStyle = style.theme.accent;
  pen.lineWidth = Math.max(1, Math.round(1.5 * p.layout.ratio));
  pen.setLineDash([]);
  for (const x of [xa, xb]) if (inside(p, x)) vertical(pen, x, top, top + height);
  const [left, right] = [p.layout.left, p.layout.left + p.layout.plotWidth];
  const [a, b] = [Math.min(right, Math.max(left, xa)), Math.min(right, Math.max(left, xb))];
  pen.beginPath();
  pen.moveTo(a, y(c.valueA));
  pen.lineTo(b, y(c.valueA));
  pen.lineTo(b, y(c.valueB));
  pen.stroke();
  note(pen, style, p, text.measured(measure(c), pane.unit), (a + b) / 2, top + 28 * p.layout.ratio, 'center');
}
