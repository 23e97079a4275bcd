import { addRing, columnOf, Columns } from './columns.ts';
import { Flag, type SampleRing } from './ring.ts';
import { between, drawTrace, type Placement } from './stroke.ts';
import type { Pen } from './surface.ts';
import { traceColour, type Theme } from './theme.ts';
import type { AutoRange } from './valuescale.ts';

/** One trace of a sweep. */
export interface Channel {
  readonly ring: SampleRing;
  /** Number of its colour, 1 to 8. */
  readonly colour: number;
  /** Steps in time of more than this are gaps. */
  readonly gapMS: number;
}

export interface Canvas {
  readonly pen: Pen;
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
}

/**
 * Draws traces as a bedside monitor does: new columns in place, a blank bar ahead
 * of them, what is older stays until the bar reaches it. Each call draws only the
 * columns that are new, or that a late sample changed.
 */
export class SweepPainter {
  #drawn = NaN; // columns below this are on the canvas
  #msPerColumn = 0;
  readonly #columns = new Columns();

  constructor(
    readonly channels: readonly Channel[],
    readonly range: AutoRange,
    readonly fixedRange: boolean,
  ) {}

  /** Makes the next draw begin anew. */
  reset(): void {
    this.#drawn = NaN;
  }

  /** Draws up to the time `head`; the width of the canvas is spanMS. */
  draw(canvas: Canvas, theme: Theme, spanMS: number, head: number, now: number): void {
    if (canvas.width === 0) return;
    if (!Number.isFinite(head)) return this.#erase(canvas, theme, 0, canvas.width); // an opaque canvas begins black
    const msPerColumn = spanMS / canvas.width;
    if (msPerColumn !== this.#msPerColumn) this.reset();
    this.#msPerColumn = msPerColumn;
    const bar = this.#bar(canvas);
    const to = columnOf(head, msPerColumn);
    const oldest = to - canvas.width + bar;
    let from = this.#from(oldest);
    if (from >= to && !Number.isNaN(this.#drawn)) return;
    if (this.#rescale(oldest, from, to, now)) from = oldest;
    if (from === oldest) this.#erase(canvas, theme, 0, canvas.width);
    this.#strip(canvas, theme, from, to);
    this.#drawn = to;
  }

  #bar(canvas: Canvas): number {
    return Math.min(canvas.width >> 1, Math.max(Math.round(8 * canvas.ratio), Math.round(canvas.width / 40)));
  }

  /** The first column that has to be drawn: where a line begins that leads to what is new. */
  #from(oldest: number): number {
    let from = this.#drawn;
    if (Number.isNaN(from)) return oldest;
    for (const { ring } of this.channels) {
      from = Math.min(from, columnOf(ring.takeReordered(), this.#msPerColumn));
      const before = ring.lowerBound(from * this.#msPerColumn) - 1;
      if (before >= ring.first) from = Math.min(from, columnOf(ring.time(before), this.#msPerColumn) + 1);
    }
    return from <= oldest ? oldest : from;
  }

  #rescale(oldest: number, from: number, to: number, now: number): boolean {
    if (this.fixedRange) return false;
    const fresh = this.#rangeOf(from, to);
    if (!fresh) return false;
    const { lo, hi } = this.range;
    if (from !== oldest && fresh[0] >= lo && fresh[1] <= hi && now - this.#checkedAt < 1000) return false;
    this.#checkedAt = now;
    const all = this.#rangeOf(oldest, to) ?? fresh;
    return this.range.fit(all[0], all[1], now, Number.isNaN(this.#drawn) ? 0 : undefined);
  }
  #checkedAt = -Infinity;

  #rangeOf(from: number, to: number): [number, number] | null {
    let lo = Infinity;
    let hi = -Infinity;
    for (const { ring } of this.channels) {
      const end = ring.lowerBound(to * this.#msPerColumn);
      for (let i = ring.lowerBound(from * this.#msPerColumn); i < end; i++) {
        const v = ring.value(i);
        if (v < lo) lo = v;
        if (v > hi) hi = v;
      }
    }
    return lo <= hi ? [lo, hi] : null;
  }

  #erase(canvas: Canvas, theme: Theme, x: number, width: number): void {
    canvas.pen.fillStyle = theme.surface;
    canvas.pen.fillRect(x, 0, width, canvas.height);
  }

  /** Draws the columns in pieces that do not wrap around the edge. */
  #strip(canvas: Canvas, theme: Theme, from: number, to: number): void {
    const { width } = canvas;
    const bar = this.#bar(canvas);
    for (let a = from; a < to; ) {
      const x = ((a % width) + width) % width;
      const b = Math.min(to, a + width - x);
      this.#erase(canvas, theme, x, b - a + (b === to ? bar : 0));
      if (b === to && x + b - a + bar > width) this.#erase(canvas, theme, 0, x + b - a + bar - width);
      for (const channel of this.channels) this.#piece(canvas, theme, channel, a, b, x);
      a = b;
    }
  }

  #piece(canvas: Canvas, theme: Theme, channel: Channel, a: number, b: number, x: number): void {
    const { pen, ratio } = canvas;
    const c = this.#columns;
    c.reset(a, b);
    addRing(c, channel.ring, this.#msPerColumn, channel.gapMS);
    const pad = 4 * ratio;
    const place: Placement = { x, ...between(pad, canvas.height - 2 * pad, this.range.lo, this.range.hi) };
    pen.beginPath();
    const joined = this.#join(pen, channel, a, place);
    pen.strokeStyle = pen.fillStyle = traceColour(theme, channel.colour);
    pen.lineWidth = 1.25 * ratio;
    drawTrace(pen, c, place, pen.lineWidth, joined);
    pen.lineJoin = 'bevel';
    pen.stroke();
    this.#marks(canvas, theme, channel, a, place);
  }

  /** Moves the pen to where the trace enters column a; reports whether it does. */
  #join(pen: Pen, { ring, gapMS }: Channel, a: number, p: Placement): boolean {
    const next = ring.lowerBound(a * this.#msPerColumn);
    if (next <= ring.first || next >= ring.end) return false;
    const [t0, t1] = [ring.time(next - 1), ring.time(next)];
    if (ring.flags(next) & Flag.gap || t1 - t0 > gapMS) return false;
    const column = columnOf(t0, this.#msPerColumn);
    const y = p.offset + ring.value(next - 1) * p.factor;
    if (column >= a - 1) pen.moveTo(p.x - 0.5, y);
    else {
      const part = (a * this.#msPerColumn - t0) / (t1 - t0);
      pen.moveTo(p.x, y + part * (ring.value(next) - ring.value(next - 1)) * p.factor);
    }
    return true;
  }

  /** Gaps have a bar at the bottom, merged stretches dots at the top. */
  #marks({ pen, height, ratio }: Canvas, theme: Theme, { ring, gapMS }: Channel, a: number, p: Placement): void {
    const c = this.#columns;
    const thick = Math.max(2, Math.round(2 * ratio));
    let filledAt = this.#columnBefore(ring, a);
    for (let i = 0; i < c.length; i++) {
      if (c.count[i] === 0) continue;
      const flags = c.flags[i] as number;
      if (flags & Flag.merged && ((c.start + i) >> 1) & 1) {
        pen.fillStyle = theme.warning;
        pen.fillRect(p.x + i, 0, 1, thick);
      }
      if (flags & Flag.gap && gapMS > 0) {
        const x = Math.max(0, filledAt + 1 - a);
        pen.fillStyle = theme.muted;
        if (i > x) pen.fillRect(p.x + x, height - thick, i - x, thick);
      }
      filledAt = a + i;
    }
  }

  #columnBefore(ring: SampleRing, a: number): number {
    const i = ring.lowerBound(a * this.#msPerColumn) - 1;
    return i >= ring.first ? columnOf(ring.time(i), this.#msPerColumn) : a - 1;
  }
}
