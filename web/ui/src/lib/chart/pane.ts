import { Columns } from './columns.ts';
import type { PaneBox } from './layout.ts';
import { paperRange, type Paper } from './paper.ts';
import type { PaneLook } from './panepaint.ts';
import type { Series } from './series.ts';
import { AutoRange } from './valuescale.ts';

export interface PaneOptions {
  readonly label: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** Its share of the height; 1 by default. */
  readonly weight?: number;
  /** The value at the bottom and at the top; by default it follows the data. */
  readonly range?: readonly [number, number];
}

/** What a trace is called outside of its pane: with the pane's label where its own is that of an axis. */
export const traceName = (pane: Pane, s: Series): string => (s.options.label.length <= 2 ? `${pane.label} ${s.options.label}` : s.options.label);

/** Some traces with one value axis. */
export class Pane {
  readonly label: string;
  readonly unit: string;
  readonly series: readonly Series[];
  readonly weight: number;
  readonly range: AutoRange;
  readonly columns: readonly Columns[];
  /** Speed and gain where it is drawn to scale. */
  paper: Pick<Paper, 'speed' | 'gain'> | null = null;
  readonly #fixed: boolean;

  constructor(options: PaneOptions) {
    this.label = options.label;
    this.unit = options.unit;
    this.series = options.series;
    this.weight = options.weight ?? 1;
    this.#fixed = options.range !== undefined;
    this.range = new AutoRange(...(options.range ?? [0, 1]));
    this.columns = options.series.map(() => new Columns());
  }

  /** Fills the columns of all series. */
  fill(start: number, end: number, msPerColumn: number): void {
    this.series.forEach((s, i) => s.fill(this.columns[i] as Columns, start, end, msPerColumn));
  }

  /** Fits the value axis to what the columns hold; reports whether it changed. */
  fit(now: number, holdMS?: number): boolean {
    const extent = this.extent();
    return !this.#fixed && extent !== null && this.range.fit(extent[0], extent[1], now, holdMS);
  }

  /** Whether what the columns hold is beyond the axis. */
  exceeds(): boolean {
    const extent = this.extent();
    return !this.#fixed && extent !== null && (extent[0] < this.range.lo || extent[1] > this.range.hi);
  }

  /** Least and greatest value of the columns, and where traces only cross them. */
  extent(): [number, number] | null {
    let [lo, hi] = [Infinity, -Infinity];
    for (const c of this.columns) {
      const r = c.range();
      for (const v of [r?.[0] ?? NaN, r?.[1] ?? NaN, c.enter, c.leave]) {
        if (v < lo) lo = v;
        if (v > hi) hi = v;
      }
    }
    return lo <= hi ? [lo, hi] : null;
  }

  /** How it is painted in the box; to scale where the span of the view is that of the paper. */
  look(box: PaneBox, ratio: number, pixelsPerMM: number, toScale: boolean): PaneLook {
    if (!this.paper || !toScale) return { box, lo: this.range.lo, hi: this.range.hi, paper: null };
    const paper: Paper = { ...this.paper, pixelsPerMM };
    const middle = (this.range.lo + this.range.hi) / 2;
    const cell = 5 / paper.gain; // thick lines stay where they are while the middle moves a little
    return { box, ...paperRange(paper, box.height / ratio, Math.round(middle / cell) * cell), paper };
  }
}
