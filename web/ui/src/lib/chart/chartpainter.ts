import { paintTimeAxis, paintValueAxis } from './axispaint.ts';
import type { Columns } from './columns.ts';
import { layOut, type Layout } from './layout.ts';
import type { Pane } from './pane.ts';
import { paintGaps, paintGround, paintTrace, type PaneLook, type Window } from './panepaint.ts';
import { paperSpan } from './paper.ts';
import type { Series } from './series.ts';
import type { Pen } from './surface.ts';
import type { Theme } from './theme.ts';
import { tickStep, timeTicks, type Tick, type TickStep, type TimeFormat } from './timescale.ts';
import type { TimeView } from './view.ts';

/** What a chart is painted on and with. */
export interface Stage {
  readonly pen: Pen;
  readonly canvas: CanvasImageSource;
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
}

export interface Style {
  readonly theme: Theme;
  readonly format: TimeFormat;
  readonly number: (v: number, decimals: number) => string;
  readonly pixelsPerMM: number;
}

/** A live view looks once a second whether its axes could be narrower. */
const FIT_EVERY_MS = 1000;

/**
 * Paints the panes and axes of a chart. While the view moves, what is on the
 * canvas is moved along by whole columns and only what is new is drawn; all of it
 * is drawn again when the zoom or an axis changes, or columns that were drawn.
 */
export class ChartPainter {
  layout: Layout = layOut(0, 0, 1, []);
  window: Window = { start: 0, msPerColumn: 1 };
  looks: readonly PaneLook[] = [];
  /** Of panes drawn to scale, whether some of the trace is above or below. */
  clipped: readonly boolean[] = [];
  toScale = false;
  /** How often all was painted, and how often only what is new; for tests and measurements. */
  readonly paints = { full: 0, strips: 0 };
  #stale = true;
  #fittedAt = -Infinity;
  readonly #seen = new Map<Series, { version: number; lastTime: number }>();

  constructor(readonly panes: readonly Pane[]) {}

  /** Makes the next paint draw everything. */
  invalidate(): void {
    this.#stale = true;
  }

  paint(stage: Stage, style: Style, view: TimeView, now: number): void {
    if (stage.width === 0 || stage.height === 0) return;
    this.#measure(stage, style, view);
    if (this.layout.plotWidth <= 0) return;
    const before = this.window;
    const msPerColumn = view.span / this.layout.plotWidth;
    const same = Math.abs(msPerColumn / before.msPerColumn - 1) < 1e-9;
    const ms = same ? before.msPerColumn : msPerColumn;
    // The last column is that of the newest sample: it is drawn again until it is over.
    this.window = { start: Math.floor(view.to / ms) + 1 - this.layout.plotWidth, msPerColumn: ms };
    const step = tickStep(ms * 96 * stage.ratio);
    const ticks = timeTicks(view.from, view.to + ms, step);
    const shift = this.window.start - before.start;
    if (this.#stale || !same || !this.#advance(stage, style, view, ticks, shift, now)) this.#full(stage, style, view, ticks, now);
    if (this.#stale || !same || shift !== 0) paintTimeAxis(stage.pen, style.theme, this.layout, this.window, ticks, step, style.format);
    this.#stale = false;
    this.#remember();
  }

  #measure(stage: Stage, style: Style, view: TimeView): void {
    const l = this.layout;
    if (l.width !== stage.width || l.height !== stage.height || l.ratio !== stage.ratio || l.panes.length !== this.panes.length) {
      this.layout = layOut(stage.width, stage.height, stage.ratio, this.panes.map((p) => p.weight));
      this.#stale = true;
    }
    const paper = this.panes.find((p) => p.paper)?.paper;
    const cssWidth = this.layout.plotWidth / stage.ratio;
    const scaled = paper ? paperSpan({ ...paper, pixelsPerMM: style.pixelsPerMM }, cssWidth) : NaN;
    const toScale = Math.abs(view.span / scaled - 1) < 1e-3;
    if (toScale !== this.toScale) this.#stale = true;
    this.toScale = toScale;
  }

  /** Paints what is new; false where all has to be painted. */
  #advance(stage: Stage, style: Style, view: TimeView, ticks: readonly Tick[], shift: number, now: number): boolean {
    const { plotWidth } = this.layout;
    const dirty = this.#dirtyColumn() - this.window.start;
    if (shift < 0 && dirty < plotWidth) return false;
    const [a, b] = shift < 0 ? [0, -shift] : [Math.min(plotWidth - shift, dirty), plotWidth];
    if (Math.abs(shift) >= plotWidth || a < 0 || b > plotWidth) return false;
    if (view.live && now - this.#fittedAt > FIT_EVERY_MS && this.#refit(now)) return false;
    if (a >= b) return true;
    const from = this.window.start + a - 2;
    for (const pane of this.panes) {
      pane.fill(from, this.window.start + b, this.window.msPerColumn);
      if (pane.exceeds()) return false;
    }
    if (shift !== 0) this.#move(stage, shift);
    this.panes.forEach((pane, i) => this.#strip(stage.pen, style, pane, this.looks[i] as PaneLook, ticks, a, b));
    this.paints.strips++;
    return true;
  }

  /** The first column that live samples changed since the last paint. */
  #dirtyColumn(): number {
    let time = Infinity;
    for (const pane of this.panes) {
      for (const s of pane.series) {
        const seen = this.#seen.get(s);
        if (seen?.version !== s.ring.version) time = Math.min(time, seen?.lastTime ?? -Infinity);
      }
    }
    return Number.isNaN(time) ? -Infinity : Math.floor(time / this.window.msPerColumn);
  }

  #remember(): void {
    for (const pane of this.panes) for (const s of pane.series) this.#seen.set(s, { version: s.ring.version, lastTime: s.ring.lastTime });
  }

  #refit(now: number): boolean {
    this.#fittedAt = now;
    const { start, msPerColumn } = this.window;
    let changed = false;
    for (const pane of this.panes) {
      pane.fill(start, start + this.layout.plotWidth, msPerColumn);
      if (pane.fit(now)) changed = true;
    }
    return changed;
  }

  #move(stage: Stage, shift: number): void {
    const { left, plotWidth, axisTop } = this.layout;
    const width = plotWidth - Math.abs(shift);
    const [from, to] = shift > 0 ? [left + shift, left] : [left, left - shift];
    stage.pen.drawImage(stage.canvas, from, 0, width, axisTop, to, 0, width, axisTop);
  }

  #full(stage: Stage, style: Style, view: TimeView, ticks: readonly Tick[], now: number): void {
    const { pen } = stage;
    const { start, msPerColumn } = this.window;
    const width = this.layout.plotWidth;
    pen.fillStyle = style.theme.background;
    pen.fillRect(0, 0, stage.width, stage.height);
    this.#stale = true;
    this.#fittedAt = now;
    this.looks = this.panes.map((pane, i) => {
      pane.fill(start, start + width, msPerColumn);
      pane.fit(now, view.live ? undefined : 0);
      return pane.look(this.layout.panes[i] as PaneLook['box'], stage.ratio, style.pixelsPerMM, this.toScale);
    });
    this.clipped = this.panes.map((pane, i) => isClipped(pane.extent(), this.looks[i] as PaneLook));
    this.panes.forEach((pane, i) => {
      const look = this.looks[i] as PaneLook;
      this.#strip(pen, style, pane, look, ticks, 0, width);
      paintValueAxis(pen, style.theme, this.layout, look, style.number);
    });
    this.paints.full++;
  }

  /** Paints the columns a to b of a pane, whose columns are filled. */
  #strip(pen: Pen, style: Style, pane: Pane, look: PaneLook, ticks: readonly Tick[], a: number, b: number): void {
    const { left } = this.layout;
    pen.save();
    pen.beginPath();
    pen.rect(left + a, look.box.top, b - a, look.box.height);
    pen.clip();
    paintGround(pen, style.theme, this.layout, look, this.window, ticks, a, b);
    pane.series.forEach((s, i) => {
      const c = pane.columns[i] as Columns;
      paintGaps(pen, style.theme, this.layout, look, c, this.window, s.gapMS);
      paintTrace(pen, style.theme, this.layout, look, c, this.window, s.options.colour);
    });
    pen.restore();
  }
}

const isClipped = (extent: [number, number] | null, look: PaneLook): boolean =>
  look.paper !== null && extent !== null && (extent[0] < look.lo || extent[1] > look.hi);
