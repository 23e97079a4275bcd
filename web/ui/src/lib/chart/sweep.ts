import { frameLoop, type DrawHandle, type FrameLoop } from './loop.ts';
import { Playhead } from './playhead.ts';
import { appendBucket, SampleRing, type MergedBucket } from './ring.ts';
import { Surface } from './surface.ts';
import { SweepPainter, type Channel } from './sweeppainter.ts';
import { onThemeChange, theme } from './theme.ts';
import { AutoRange } from './valuescale.ts';

export interface SweepOptions {
  /** Time that the width of the canvas stands for; 10 by default. */
  readonly seconds?: number;
  /** Colours of the traces, 1 to 8; one trace of colour 1 by default. */
  readonly colours?: readonly number[];
  /** The value at the bottom and at the top; by default it follows the data. */
  readonly range?: readonly [number, number];
  /** Steps in time of more than this are gaps; by default only what gap() says is one. */
  readonly gapMS?: number;
  /** Frames a second; 30 by default. */
  readonly fps?: number;
  /** The loop that draws; that of the page by default. */
  readonly loop?: FrameLoop;
}

/**
 * Live traces that sweep over a canvas. What is appended is drawn in one of the
 * next frames of the page's loop, while the canvas is on the screen. The canvas
 * takes its size from its CSS.
 *
 *     const trace = new SweepTrace(canvas, { seconds: 6, colours: [2] });
 *     trace.append(times, values); // Unix ms, oldest first
 *     trace.destroy();
 */
export class SweepTrace {
  readonly #channels: readonly Channel[];
  readonly #painter: SweepPainter;
  readonly #surface: Surface;
  readonly #handle: DrawHandle;
  readonly #head = new Playhead();
  readonly #stopTheme: () => void;
  #seconds: number;

  constructor(canvas: HTMLCanvasElement, options: SweepOptions = {}) {
    this.#seconds = options.seconds ?? 10;
    const gapMS = options.gapMS ?? Infinity;
    const keepMS = 1100 * this.#seconds;
    this.#channels = (options.colours ?? [1]).map((colour) => ({ ring: new SampleRing({ keepMS, max: 1 << 17 }), colour, gapMS }));
    this.#painter = new SweepPainter(this.#channels, new AutoRange(...(options.range ?? [0, 1])), options.range !== undefined);
    this.#surface = new Surface(canvas, () => this.#redraw());
    this.#handle = (options.loop ?? frameLoop()).add(this, { element: canvas, ...(options.fps && { fps: options.fps }) });
    this.#stopTheme = onThemeChange(() => this.#redraw());
  }

  /** Appends measurements of a trace, oldest first: Unix ms and numbers. */
  append(times: ArrayLike<number>, values: ArrayLike<number>, channel = 0): void {
    const ring = this.#ring(channel);
    ring.append(times, values);
    this.#arrived(ring);
  }

  /** Appends the samples of a ring from one on, with what is known of each. */
  appendRing(from: SampleRing, first: number, channel = 0): void {
    const ring = this.#ring(channel);
    ring.appendRing(from, first);
    this.#arrived(ring);
  }

  /** Appends a bucket of measurements that the server merged. */
  appendBucket(bucket: MergedBucket, channel = 0): void {
    const ring = this.#ring(channel);
    appendBucket(ring, bucket);
    this.#arrived(ring);
  }

  /** Says that measurements are missing before the next one. */
  gap(channel = 0): void {
    this.#ring(channel).gap();
  }

  /** The samples of a trace, for numbers beside it. */
  ring(channel = 0): SampleRing {
    return this.#ring(channel);
  }

  /** Time that the width stands for. */
  get seconds(): number {
    return this.#seconds;
  }
  set seconds(seconds: number) {
    this.#seconds = seconds;
    this.#redraw();
  }

  clear(): void {
    for (const { ring } of this.#channels) ring.clear();
    this.#redraw();
  }

  destroy(): void {
    this.#handle.remove();
    this.#surface.destroy();
    this.#stopTheme();
  }

  /** Called by the loop. */
  draw(now: number): boolean {
    const { head, moving } = this.#head.advance(now);
    this.#painter.draw(this.#surface, theme(), 1000 * this.#seconds, head, now);
    return moving;
  }

  #ring(channel: number): SampleRing {
    const c = this.#channels[channel];
    if (!c) throw new RangeError(`the sweep has no trace ${channel}`);
    return c.ring;
  }

  #arrived(ring: SampleRing): void {
    this.#head.arrived(ring.lastTime, performance.now());
    this.#handle.invalidate();
  }

  #redraw(): void {
    this.#painter?.reset();
    this.#handle?.invalidate();
  }
}
