import { loadCalibration } from './calibration.ts';
import { layOut } from './layout.ts';
import type { Pane } from './pane.ts';
import { paperSpan, type Paper } from './paper.ts';
import type { Surface } from './surface.ts';
import type { TimeView } from './view.ts';

/** Panes of this unit are drawn on millimetre paper. */
const PAPER_UNIT = 'mV';

type Sheet = Pick<Paper, 'speed' | 'gain'>;

/** Millimetre paper under ECGs, and the span of time that is to scale on it. */
export class PaperScale {
  #pixelsPerMM = loadCalibration().pixelsPerMM;
  /** The paper whose scale the span keeps, until somebody chooses another span. */
  #scaled: Sheet | null = null;

  constructor(
    private readonly panes: readonly Pane[],
    private readonly view: TimeView,
    private readonly surface: () => Surface | undefined,
  ) {}

  get pixelsPerMM(): number {
    return this.#pixelsPerMM;
  }

  /** Whether there is something to draw on paper. */
  get hasECG(): boolean {
    return this.panes.some((p) => p.unit === PAPER_UNIT);
  }

  /** Draws ECGs on the paper, at once to scale or as soon as the span is that of the paper; null: as it fits. */
  use(paper: Sheet | null, atOnce: boolean): void {
    for (const pane of this.panes) if (pane.unit === PAPER_UNIT) pane.paper = paper;
    this.#scaled = atOnce && this.hasECG ? paper : null;
    this.keep();
  }

  /** Somebody chose another span. */
  release(): void {
    this.#scaled = null;
  }

  /** The screen was calibrated. */
  calibrated(): void {
    this.#pixelsPerMM = loadCalibration().pixelsPerMM;
    this.keep();
  }

  /** A chart that is to scale stays so when its size or the calibration changes. */
  keep(): void {
    const surface = this.surface();
    if (!this.#scaled || !surface) return;
    const { width, height, ratio } = surface;
    const plotWidth = layOut(width, height, ratio, []).plotWidth;
    if (plotWidth > 0) this.view.setSpan(paperSpan({ ...this.#scaled, pixelsPerMM: this.#pixelsPerMM }, plotWidth / ratio));
  }
}
