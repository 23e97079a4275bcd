import { explain } from '../app/errors.ts';
import type { Metrics } from './prometheus.ts';
import { isRefusal, panels, readAttention, readMetrics, SensorRates, type Panel, type Snapshot } from './status.ts';

const everyMS = 2000;
const kept = 300; // ten minutes

/** The lines of a chart: seconds since 1970, then a column for each of its series. */
export type Lines = [number[], ...(number | null)[][]];

/** The server's state, read every two seconds while the page is visible. */
export class Status {
  #newest = $state.raw<Snapshot>();
  #problem = $state('');
  #withMetrics = $state(true);
  #times: number[] = [];
  #columns = new Map<string, (number | null)[]>();
  #rates = new SensorRates(kept);
  #perSensor = $state.raw<{ readonly ids: readonly string[]; readonly lines: Lines }>();
  #lines = $state.raw<ReadonlyMap<Panel['name'], Lines>>(new Map());

  get newest(): Snapshot | undefined {
    return this.#newest;
  }
  /** Why the last reading failed; empty when it did not. */
  get problem(): string {
    return this.#problem;
  }
  /** Whether the server shows its metrics. */
  get withMetrics(): boolean {
    return this.#withMetrics;
  }
  /** What a panel draws. */
  lines(panel: Panel): Lines | undefined {
    return this.#lines.get(panel.name);
  }

  /** Measurements a second of the busiest sensors. */
  get perSensor(): { readonly ids: readonly string[]; readonly lines: Lines } | undefined {
    return this.#perSensor;
  }

  /** Reads until the function that it returns is called. metrics: whoever this is may see them. */
  follow(metrics: boolean): () => void {
    const stop = new AbortController();
    this.#withMetrics = metrics;
    const read = () => document.visibilityState === 'visible' && void this.#read(stop.signal);
    read();
    const timer = setInterval(read, everyMS);
    document.addEventListener('visibilitychange', read, { signal: stop.signal });
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      const [attention, metrics] = await Promise.all([readAttention(signal), this.#metrics(signal)]);
      if (signal.aborted) return;
      const { before: _, ...last } = this.#newest ?? {}; // the one before that is not needed any more
      this.#newest = { time: Date.now(), attention, metrics, before: this.#newest && ({ ...last, before: undefined } as Snapshot) };
      this.#keep(this.#newest);
      this.#problem = '';
    } catch (error) {
      if (!signal.aborted) this.#problem = explain(error);
    }
  }

  async #metrics(signal: AbortSignal): Promise<Metrics | undefined> {
    if (!this.#withMetrics) return undefined;
    try {
      return await readMetrics(signal);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#withMetrics = false;
      return undefined;
    }
  }

  #keep(s: Snapshot): void {
    this.#times = [...this.#times, s.time / 1000].slice(-kept);
    const lines = new Map<Panel['name'], Lines>();
    for (const panel of panels) {
      const columns = panel.series.map((series) => {
        const key = `${panel.name}.${series.name}`;
        const column = [...(this.#columns.get(key) ?? []), series.value(s) ?? null].slice(-kept);
        this.#columns.set(key, column);
        return column;
      });
      lines.set(panel.name, [this.#times, ...columns]);
    }
    this.#lines = lines;
    this.#rates.add(s.attention.sensors);
    const busiest = this.#rates.busiest;
    this.#perSensor = { ids: busiest.map((b) => b.id), lines: [this.#times, ...busiest.map((b) => [...b.values])] };
  }
}
