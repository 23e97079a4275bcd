import { gapMSOf, intervalOf } from '../../lib/chart/series.ts';

const MOST = 5000;
const EVERY_MS = 120;
/** Steps in time from which the usual one is learnt. */
const LEARNT = 64;

interface Timed {
  readonly time: number;
  readonly gap?: boolean;
}

/** The points that came live and are not read from the history yet, in the batches in which they came. Whoever shows them is told a few times a second. */
export class LivePoints<P extends Timed> {
  #shown = $state.raw<readonly P[]>([]);
  #batches: P[][] = [];
  #length = 0;
  #newest = NaN;
  #times: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** rate: measurements a second as the sensor says; 0 where it does not. */
  constructor(private readonly rate: number) {}

  /** The points, as they were at most 120 ms ago. */
  get shown(): readonly P[] {
    return this.#shown;
  }
  /** Whether they should be read from the history before the oldest are lost. */
  get full(): boolean {
    return this.#length > MOST / 2;
  }

  /** Adds points, oldest first. Beyond 5,000 the oldest are lost here; the history has them. */
  add(points: readonly P[]): void {
    if (points.length === 0) return;
    const most = gapMSOf(intervalOf(this.rate, () => Float64Array.from(this.#times)));
    const batch = points.map((p) => {
      const gap = p.time - this.#newest > most;
      this.#newest = p.time;
      return gap ? { ...p, gap } : p;
    });
    this.#times = [...this.#times, ...points.slice(-LEARNT).map((p) => p.time)].slice(-LEARNT);
    this.#batches.push(batch);
    this.#length += batch.length;
    while (this.#length > MOST && this.#batches.length > 1) this.#length -= this.#batches.shift()?.length ?? 0;
    this.#changed();
  }

  /** Forgets those up to a time: the history has them. */
  forget(until: number): void {
    this.#batches = this.#batches.map((b) => ((b[0]?.time ?? 0) > until ? b : b.filter((p) => p.time > until))).filter((b) => b.length > 0);
    this.#length = this.#batches.reduce((n, b) => n + b.length, 0);
    this.#changed();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#shown = this.#batches.flat();
    }, EVERY_MS);
  }
}
