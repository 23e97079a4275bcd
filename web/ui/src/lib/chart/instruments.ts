import { grab, type Callipers } from './callipers.ts';
import type { ChartPainter } from './chartpainter.ts';
import { paneAt } from './layout.ts';
import type { Marker, OverlayState } from './overlay.ts';
import { paneScale, type PaneLook } from './panepaint.ts';

/** What a drag does. */
export type Tool = 'move' | 'measure' | 'select';

/** A point of a pane. */
interface Place {
  readonly time: number;
  readonly value: number;
  readonly pane: number;
}

/** How near, in CSS pixels, a drag has to begin to take hold of callipers. */
const NEAR = 12;

/** Cursor, callipers, selection and markers of a chart. Positions are in CSS pixels. */
export class Instruments implements OverlayState {
  tool: Tool = 'move';
  callipers: Callipers | null = null;
  selection: readonly [number, number] | null = null;
  markers: readonly Marker[] = [];
  #cursor: number | null = null;
  #pointer: number | null = null;
  #dragFrom: Place | null = null;

  constructor(
    private readonly painter: ChartPainter,
    private readonly ratio: () => number,
  ) {}

  get cursor(): number | null {
    return this.#cursor;
  }
  /** Puts the cursor at a time, where it stays. */
  set cursor(time: number | null) {
    this.#cursor = time;
    this.#pointer = null;
  }

  /** Puts the cursor under the pointer, where it stays while the chart moves; null: the pointer left. */
  point(x: number | null): void {
    this.#pointer = x;
    this.#cursor = x === null ? null : this.timeAt(x);
  }

  /** Brings the cursor under the pointer again after the chart moved. */
  follow(): void {
    if (this.#pointer !== null) this.#cursor = this.timeAt(this.#pointer);
  }

  timeAt(x: number): number {
    const { window, layout } = this.painter;
    return (window.start + x * this.ratio() - layout.left) * window.msPerColumn;
  }

  /** Begins a drag; false where it is to move the chart. */
  dragStart(x: number, y: number): boolean {
    if (this.tool === 'move' || this.painter.looks.length === 0) return false;
    const place = this.#place(x, y);
    this.#dragFrom = this.#held(place) ?? place;
    return true;
  }

  dragTo(x: number, y: number): void {
    const from = this.#dragFrom;
    if (!from) return;
    const to = this.#place(x, y);
    if (this.tool === 'select') this.selection = [Math.min(from.time, to.time), Math.max(from.time, to.time)];
    else this.callipers = { pane: from.pane, timeA: from.time, valueA: from.value, timeB: to.time, valueB: to.value };
  }

  dragEnd(): void {
    this.#dragFrom = null;
  }

  clear(): void {
    this.callipers = this.selection = null;
    this.cursor = null;
  }

  /** Where a drag begins near one point of the callipers, the other one stays. */
  #held(place: Place): Place | null {
    const c = this.callipers;
    if (this.tool !== 'measure' || c?.pane !== place.pane) return null;
    const distance = Math.min(Math.abs(place.time - c.timeA), Math.abs(place.time - c.timeB));
    if (distance > NEAR * this.ratio() * this.painter.window.msPerColumn) return null;
    const moved = grab(c, place.time, place.value);
    return moved.timeB === place.time ? { time: c.timeA, value: c.valueA, pane: c.pane } : { time: c.timeB, value: c.valueB, pane: c.pane };
  }

  #place(x: number, y: number): Place {
    const top = y * this.ratio();
    const pane = this.#dragFrom?.pane ?? Math.max(0, paneAt(this.painter.layout, top));
    const scale = paneScale(this.painter.looks[pane] as PaneLook);
    return { time: this.timeAt(x), value: (top - scale.offset) / scale.factor, pane };
  }
}
