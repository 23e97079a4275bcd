import type { Series } from './series.ts';

/** A viewer keeps up when nothing came merged for so long. */
const SETTLE_MS = 4000;
/** What came merged may be older than the notice of it by so much. */
const MARGIN_MS = 10_000;

/** Has what came merged read again from the history, when the viewer keeps up with what is live. */
export class Settler {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since: number | undefined;

  /** `all` returns the series that are drawn; `settled` is called when they are being read again. */
  constructor(
    private readonly all: () => Iterable<Series>,
    private readonly settled: () => void = () => {},
  ) {}

  /** Says that measurements came merged. */
  lagged(): void {
    clearTimeout(this.#timer);
    const since = (this.#since ??= performance.now());
    this.#timer = setTimeout(() => {
      this.#since = undefined;
      for (const s of this.all()) s.settle(performance.now() - since + MARGIN_MS);
      this.settled();
    }, SETTLE_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
