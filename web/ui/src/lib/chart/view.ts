import { DAY } from './timescale.ts';

export const LEAST_SPAN = 20;
export const GREATEST_SPAN = 100 * 365.25 * DAY;

/**
 * What a chart shows: from (inclusive) to (exclusive), in Unix ms. While it is
 * live, its right edge is the newest measurement and moves with it.
 */
export class TimeView {
  #from: number;
  #to: number;
  #live: boolean;
  #edge: number;

  /** A live view that ends at the edge. */
  constructor(spanMS: number, edge: number) {
    this.#edge = edge;
    this.#to = edge;
    this.#from = edge - clampSpan(spanMS);
    this.#live = true;
  }

  get from(): number {
    return this.#from;
  }
  get to(): number {
    return this.#to;
  }
  get span(): number {
    return this.#to - this.#from;
  }
  get live(): boolean {
    return this.#live;
  }
  /** Time of the newest measurement. */
  get edge(): number {
    return this.#edge;
  }

  /** Says where the newest measurement is; a live view follows. */
  moveEdge(edge: number): void {
    if (!Number.isFinite(edge)) return;
    this.#edge = edge;
    if (this.#live) this.#put(edge - this.span, edge);
  }

  /** Stays where it is. */
  pause(): void {
    this.#live = false;
  }

  goLive(): void {
    this.#live = true;
    this.#put(this.#edge - this.span, this.#edge);
  }

  /** Moves by ms, negative into the past. At the live edge it becomes live. */
  pan(ms: number): void {
    const to = this.#to + ms;
    this.#live = ms > 0 && to >= this.#edge;
    if (this.#live) return this.goLive();
    this.#put(to - this.span, to);
  }

  /** Makes the span `factor` times as long; the time `at` keeps its place. A live view keeps its edge. */
  zoom(factor: number, at: number): void {
    const span = clampSpan(this.span * factor);
    if (this.#live) return this.#put(this.#edge - span, this.#edge);
    const part = (at - this.#from) / this.span;
    this.#put(at - part * span, at + (1 - part) * span);
  }

  /** Shows exactly this stretch, and stays there. */
  show(from: number, to: number): void {
    this.#live = false;
    const span = clampSpan(to - from);
    const middle = (from + to) / 2;
    this.#put(middle - span / 2, middle + span / 2);
  }

  /** Changes the span and keeps the right edge. */
  setSpan(span: number): void {
    this.#put(this.#to - clampSpan(span), this.#to);
  }

  #put(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
  }
}

const clampSpan = (span: number): number => Math.min(GREATEST_SPAN, Math.max(LEAST_SPAN, span));
