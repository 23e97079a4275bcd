import { measure, type Measured } from './callipers.ts';
import type { Chart } from './chart.ts';
import type { Tool } from './instruments.ts';
import type { Reading } from './series.ts';

/** What the controls around a chart show. It is replaced a few times a second, never by each sample. */
export interface Shown {
  readonly live: boolean;
  readonly from: number;
  readonly to: number;
  readonly edge: number;
  /** ms since the newest measurement. */
  readonly quiet: number;
  readonly cursor: number | null;
  /** For each pane and series: at the cursor, or the newest. */
  readonly readings: readonly (readonly (Reading | null)[])[];
  readonly measured: (Measured & { readonly unit: string }) | null;
  readonly selection: readonly [number, number] | null;
  readonly tool: Tool;
  readonly toScale: boolean;
  /** History could not be read; it is tried again. */
  readonly failed: boolean;
}

const EVERY_MS = 120;
const CLOCK_MS = 5000;

/** The state of a chart for components. */
export class ChartState {
  #shown = $state.raw<Shown>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #clock: ReturnType<typeof setInterval> | undefined;
  #chart: Chart | undefined;

  get shown(): Shown | undefined {
    return this.#shown;
  }

  /** Follows a chart until the next one, or null. */
  follow(chart: Chart | null): void {
    clearTimeout(this.#timer);
    clearInterval(this.#clock);
    this.#timer = this.#clock = undefined;
    this.#chart = chart ?? undefined;
    if (!chart) return;
    this.#shown = read(chart); // at once: controls that come a moment later would push the chart down
    this.#clock = setInterval(this.changed, CLOCK_MS); // a chart in which nothing happens grows old all the same
  }

  /** Called after frames in which the chart changed. */
  changed = (): void => {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#chart) this.#shown = read(this.#chart);
    }, EVERY_MS);
  };
}

function read(chart: Chart): Shown {
  const { view, cursor, callipers } = chart;
  return {
    live: view.live,
    from: view.from,
    to: view.to,
    edge: view.edge,
    quiet: Date.now() - view.edge,
    cursor,
    readings: chart.readings(cursor ?? view.to),
    measured: callipers && { ...measure(callipers), unit: chart.panes[callipers.pane]?.unit ?? '' },
    selection: chart.selection,
    tool: chart.tool,
    toScale: chart.toScale,
    failed: chart.panes.some((p) => p.series.some((s) => s.tiles.error !== null)),
  };
}
