import type { Callipers } from './callipers.ts';
import { keyAction } from './chartkeys.ts';
import { ChartPainter, type Style } from './chartpainter.ts';
import { listen } from './gestures.ts';
import { Instruments, type Tool } from './instruments.ts';
import { frameLoop, type DrawHandle, type FrameLoop } from './loop.ts';
import { paintOverlay, type Marker, type OverlayText } from './overlay.ts';
import { Pane, type PaneOptions } from './pane.ts';
import type { Paper } from './paper.ts';
import { PaperScale } from './paperscale.ts';
import { Playhead } from './playhead.ts';
import type { Reading } from './series.ts';
import { Surface } from './surface.ts';
import { onThemeChange, theme } from './theme.ts';
import { TimeFormat } from './timescale.ts';
import { TimeView } from './view.ts';
import { ViewWants } from './viewwants.ts';

export interface ChartOptions {
  readonly panes: readonly PaneOptions[];
  readonly locale: string;
  readonly text: OverlayText;
  /** Time that is shown at first; 10 s by default. */
  readonly spanMS?: number;
  /** Where the newest measurement is, as far as that is known. */
  readonly edge?: number;
  /** Called after a frame in which the view, the cursor or what was measured changed. */
  readonly onchange?: () => void;
  /** A key that the chart has no use for; true where somebody else had. */
  readonly onkey?: (event: KeyboardEvent) => boolean;
  readonly loop?: FrameLoop;
}

/**
 * One chart from 20 ms to years. It draws its panes on two canvases in the element,
 * one for traces, one for what lies over them, and takes its size from the element.
 */
export class Chart {
  readonly panes: readonly Pane[];
  readonly view: TimeView;
  readonly painter: ChartPainter;
  readonly #element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #instruments: Instruments;
  readonly #plot: Surface;
  readonly #over: Surface;
  readonly #handle: DrawHandle;
  readonly #head = new Playhead();
  readonly #format: TimeFormat;
  readonly #numbers = new Map<number, Intl.NumberFormat>();
  readonly #ends: (() => void)[] = [];
  readonly #scale: PaperScale;
  readonly #wants: ViewWants;
  #overStale = true;

  constructor(element: HTMLElement, options: ChartOptions) {
    this.#element = element;
    this.#options = options;
    this.#format = new TimeFormat(options.locale);
    this.panes = options.panes.map((p) => new Pane(p));
    this.painter = new ChartPainter(this.panes);
    this.#instruments = new Instruments(this.painter, () => this.#plot.ratio);
    this.view = new TimeView(options.spanMS ?? 10_000, options.edge ?? Date.now());
    this.#scale = new PaperScale(this.panes, this.view, () => this.#plot);
    this.#wants = new ViewWants(this.panes, this.view);
    const canvas = (): HTMLCanvasElement => {
      const c = document.createElement('canvas');
      Object.assign(c.style, { position: 'absolute', inset: '0', width: '100%', height: '100%' });
      c.setAttribute('aria-hidden', 'true');
      element.append(c);
      return c;
    };
    this.#plot = new Surface(canvas(), () => this.#resized());
    this.#over = new Surface(canvas(), () => this.#resized(), false);
    this.#handle = (options.loop ?? frameLoop()).add(this, { element, fps: 60, urgent: true });
    for (const pane of this.panes) for (const s of pane.series) s.changed = () => this.redraw();
    this.#ends.push(
      onThemeChange(() => this.redraw()),
      listen(element, {
        panBy: (pixels) => this.#pan(-pixels * this.msPerPixel),
        zoomAt: (factor, x) => this.#zoom(factor, this.#instruments.timeAt(x)),
        point: (x) => this.#change((i) => i.point(x)),
        leave: () => this.#change((i) => i.point(null)),
        dragStart: (x, y) => this.#dragStart(x, y),
        dragTo: (x, y) => this.#change((i) => i.dragTo(x, y)),
        dragEnd: () => this.#instruments.dragEnd(),
        key: (event) => this.#key(event),
      }),
    );
  }

  destroy(): void {
    this.#handle.remove();
    this.#plot.destroy();
    this.#over.destroy();
    for (const end of this.#ends) end();
    for (const pane of this.panes) for (const s of pane.series) s.changed = () => {};
    this.#element.replaceChildren();
  }

  /** Says that live measurements came. */
  arrived(): void {
    let newest = -Infinity;
    for (const pane of this.panes) for (const s of pane.series) if (s.ring.lastTime > newest) newest = s.ring.lastTime;
    this.#head.arrived(newest, performance.now());
    this.#handle.invalidate();
  }

  /** Draws everything again. */
  redraw(): void {
    this.painter.invalidate();
    this.#touch();
  }

  get tool(): Tool {
    return this.#instruments.tool;
  }
  set tool(tool: Tool) {
    this.#change((i) => (i.tool = tool));
  }
  get callipers(): Callipers | null {
    return this.#instruments.callipers;
  }
  set callipers(callipers: Callipers | null) {
    this.#change((i) => (i.callipers = callipers));
  }
  get selection(): readonly [number, number] | null {
    return this.#instruments.selection;
  }
  set markers(list: readonly Marker[]) {
    this.#change((i) => (i.markers = list));
  }
  /** Time of the cursor, or null. */
  get cursor(): number | null {
    return this.#instruments.cursor;
  }
  set cursor(time: number | null) {
    this.#change((i) => (i.cursor = time));
  }
  /** Takes cursor, callipers and selection away. */
  clear(): void {
    this.#change((i) => i.clear());
  }
  /** Whether panes with paper are drawn to scale at present. */
  get toScale(): boolean {
    return this.painter.toScale;
  }
  get format(): TimeFormat {
    return this.#format;
  }
  get msPerColumn(): number {
    return this.painter.window.msPerColumn;
  }
  /** ms of a CSS pixel. */
  get msPerPixel(): number {
    return this.msPerColumn * this.#plot.ratio;
  }

  /** ms from a time within which something counts as measured at it. */
  get reach(): number {
    return 24 * this.msPerPixel;
  }

  /** What was measured at the time, for each pane and its series. */
  readings(time: number): (Reading | null)[][] {
    return this.panes.map((p) => p.series.map((s) => s.reading(time, this.reach, this.msPerColumn)));
  }

  pause(): void {
    this.view.pause();
    this.#touch();
  }
  goLive(): void {
    this.view.goLive();
    this.#touch();
  }
  show(from: number, to: number): void {
    this.#scale.release();
    this.view.show(from, to);
    this.#touch();
  }
  /** Changes the span; the newest time on the screen stays. */
  setSpan(ms: number): void {
    this.#scale.release();
    this.view.setSpan(ms);
    this.#touch();
  }
  zoom(factor: number): void {
    this.#zoom(factor, this.cursor ?? (this.view.from + this.view.to) / 2);
  }
  /** Moves by parts of what is on the screen, negative into the past. */
  pan(part: number): void {
    this.#pan(part * this.view.span);
  }

  /** Whether there is something to draw on paper. */
  get hasECG(): boolean {
    return this.#scale.hasECG;
  }

  /** Draws ECGs on millimetre paper, at once to scale or as soon as the span is that of the paper; null: as it fits. */
  usePaper(paper: Pick<Paper, 'speed' | 'gain'> | null, atOnce = true): void {
    this.#scale.use(paper, atOnce);
    this.redraw();
  }

  /** Says that the screen was calibrated. */
  calibrated(): void {
    this.#scale.calibrated();
    this.redraw();
  }

  /** Called by the loop. */
  draw(now: number): boolean {
    const { head, moving } = this.#head.advance(now);
    this.view.moveEdge(head);
    const before = this.painter.window;
    this.painter.paint({ ...this.#stage(), canvas: this.#plot.canvas }, this.#style(), this.view, now);
    const moved = before !== this.painter.window && (before.start !== this.painter.window.start || before.msPerColumn !== this.painter.window.msPerColumn);
    const complete = this.#wants.ask(this.painter.window, now);
    if (complete !== undefined) this.#element.dataset['history'] = complete ? 'complete' : 'loading'; // for tests and measurements
    if (moved) this.#instruments.follow();
    if (moved || this.#overStale) this.#paintOver();
    this.#overStale = false;
    this.#options.onchange?.();
    return moving;
  }

  #stage(): { pen: CanvasRenderingContext2D; width: number; height: number; ratio: number } {
    const { pen, width, height, ratio } = this.#plot;
    return { pen, width, height, ratio };
  }

  #style(): Style {
    return { theme: theme(), format: this.#format, number: this.#number, pixelsPerMM: this.#scale.pixelsPerMM };
  }

  #number = (v: number, decimals: number): string => {
    let f = this.#numbers.get(decimals);
    if (!f) this.#numbers.set(decimals, (f = new Intl.NumberFormat(this.#options.locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })));
    return f.format(v);
  };

  #paintOver(): void {
    paintOverlay(this.#over.pen, this.#style(), this.painter, this.#instruments, this.#options.text);
  }

  #touch(): void {
    this.#overStale = true;
    this.#wants?.stale();
    this.#handle?.invalidate();
  }

  #resized(): void {
    this.painter?.invalidate();
    this.#scale?.keep();
    this.#touch();
  }

  #pan(ms: number): void {
    this.view.pan(ms);
    this.#touch();
  }

  #zoom(factor: number, at: number): void {
    this.#scale.release();
    this.view.zoom(factor, at);
    this.#touch();
  }

  #change(change: (i: Instruments) => void): void {
    change(this.#instruments);
    this.#touch();
  }

  #dragStart(x: number, y: number): boolean {
    const mine = this.#instruments.dragStart(x, y);
    if (mine) this.pause(); // what is measured does not move away
    return mine;
  }

  #key(e: KeyboardEvent): boolean {
    const act = keyAction(this, e);
    if (!act) return this.#options.onkey?.(e) ?? false;
    act();
    return true;
  }
}
