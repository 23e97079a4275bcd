import { addRing, columnOf, Columns } from './columns.ts';
import { frameLoop, type DrawHandle, type FrameLoop } from './loop.ts';
import { SampleRing, appendBucket, type MergedBucket } from './ring.ts';
import { between, drawTrace } from './stroke.ts';
import { Surface } from './surface.ts';
import type { Canvas } from './sweeppainter.ts';
import { onThemeChange, theme, traceColour, type Theme } from './theme.ts';
import { AutoRange } from './valuescale.ts';

/** Where a number goes: its change per minute, and which way, where that is more than its scatter. */
export interface Trend {
  readonly perMinute: number;
  readonly direction: -1 | 0 | 1;
}

/** The trend of the samples from the time on, by a straight line of least squares; null for fewer than three. */
export function trendOf(ring: SampleRing, since: number): Trend | null {
  const from = ring.lowerBound(since);
  const n = ring.end - from;
  if (n < 3) return null;
  const t0 = ring.time(from);
  let [st, sv, stt, stv, svv] = [0, 0, 0, 0, 0];
  for (let i = from; i < ring.end; i++) {
    const t = (ring.time(i) - t0) / 60_000;
    const v = ring.value(i);
    st += t;
    sv += v;
    stt += t * t;
    stv += t * v;
    svv += v * v;
  }
  const spread = n * stt - st * st;
  if (spread <= 0) return null;
  const perMinute = (n * stv - st * sv) / spread;
  const total = svv - (sv * sv) / n;
  const explained = perMinute * (stv - (st * sv) / n);
  // The standard error of the slope; three of them are more than chance.
  const error = Math.sqrt(Math.max(0, total - explained) / Math.max(1, n - 2) / (spread / n));
  const direction = Math.abs(perMinute) > 3 * error && perMinute !== 0 ? (perMinute > 0 ? 1 : -1) : 0;
  return { perMinute, direction };
}

/** Draws the samples of the last spanMS as a small line that ends in a dot. Steps in time of more than gapMS are gaps. */
export function paintSpark(canvas: Canvas, t: Theme, ring: SampleRing, spanMS: number, colour: number, columns: Columns, range: AutoRange, now: number, gapMS = Infinity): void {
  const { pen, width, height, ratio } = canvas;
  pen.fillStyle = t.surface;
  pen.fillRect(0, 0, width, height);
  if (ring.length === 0 || width === 0) return;
  const inset = Math.ceil(3 * ratio);
  const msPerColumn = spanMS / (width - 2 * inset);
  const end = columnOf(ring.lastTime, msPerColumn) + 1;
  columns.reset(end - (width - 2 * inset), end);
  addRing(columns, ring, msPerColumn, gapMS);
  const data = columns.range();
  if (data) range.fit(data[0], data[1], now);
  const place = { x: inset, ...between(inset, height - 2 * inset, range.lo, range.hi) };
  pen.beginPath();
  pen.strokeStyle = pen.fillStyle = traceColour(t, colour);
  pen.lineWidth = 1.25 * ratio;
  drawTrace(pen, columns, place, pen.lineWidth, false);
  pen.lineJoin = 'bevel';
  pen.stroke();
  pen.beginPath();
  pen.arc(width - inset, place.offset + ring.lastValue * place.factor, 2 * ratio, 0, 2 * Math.PI);
  pen.fill();
}

export interface SparkOptions {
  /** Time that the width stands for; 120 by default. */
  readonly seconds?: number;
  readonly colour?: number;
  /** Steps in time of more than this are gaps; by default only what gap() says is one. */
  readonly gapMS?: number;
  readonly loop?: FrameLoop;
}

/** A small line for a number: how it was in the last minutes. */
export class Spark {
  readonly ring: SampleRing;
  readonly #surface: Surface;
  readonly #handle: DrawHandle;
  readonly #stopTheme: () => void;
  readonly #columns = new Columns();
  readonly #range = new AutoRange();
  readonly #spanMS: number;
  readonly #colour: number;
  readonly #gapMS: number;

  constructor(canvas: HTMLCanvasElement, options: SparkOptions = {}) {
    this.#spanMS = 1000 * (options.seconds ?? 120);
    this.#colour = options.colour ?? 1;
    this.#gapMS = options.gapMS ?? Infinity;
    this.ring = new SampleRing({ keepMS: 1.1 * this.#spanMS, capacity: 256, max: 1 << 16 });
    this.#surface = new Surface(canvas, () => this.#handle?.invalidate());
    this.#handle = (options.loop ?? frameLoop()).add(this, { element: canvas, fps: 5 });
    this.#stopTheme = onThemeChange(() => this.#handle.invalidate());
  }

  append(times: ArrayLike<number>, values: ArrayLike<number>): void {
    this.ring.append(times, values);
    this.#handle.invalidate();
  }

  /** Appends the samples of a ring from one on, with what is known of each. */
  appendRing(from: SampleRing, first: number): void {
    this.ring.appendRing(from, first);
    this.#handle.invalidate();
  }

  appendBucket(bucket: MergedBucket): void {
    appendBucket(this.ring, bucket);
    this.#handle.invalidate();
  }

  gap(): void {
    this.ring.gap();
  }

  /** The trend over the width of the line. */
  get trend(): Trend | null {
    return trendOf(this.ring, this.ring.lastTime - this.#spanMS);
  }

  destroy(): void {
    this.#handle.remove();
    this.#surface.destroy();
    this.#stopTheme();
  }

  /** Called by the loop. */
  draw(now: number): void {
    paintSpark(this.#surface, theme(), this.ring, this.#spanMS, this.#colour, this.#columns, this.#range, now, this.#gapMS);
  }
}
