import type { Pane } from './pane.ts';
import type { TimeView } from './view.ts';

const EVERY_MS = 500;

/** Asks for the history that a view shows: when the view changed, and from time to time while it moves. */
export class ViewWants {
  #askedAt = -Infinity;
  #asked = '';

  constructor(
    private readonly panes: readonly Pane[],
    private readonly view: TimeView,
  ) {}

  /** Asks with the next frame in any case. */
  stale(): void {
    this.#askedAt = -Infinity;
  }

  /** Called with each frame. Where it asked, it returns whether nothing of what is on the screen is still to come. */
  ask({ start, msPerColumn }: { readonly start: number; readonly msPerColumn: number }, now: number): boolean | undefined {
    const key = `${this.view.live ? 0 : start} ${msPerColumn}`;
    if (key === this.#asked && now - this.#askedAt < EVERY_MS) return undefined;
    this.#asked = key;
    this.#askedAt = now;
    const series = this.panes.flatMap((p) => p.series);
    return series.map((s) => s.want(this.view.from, this.view.to, msPerColumn)).every(Boolean);
  }
}
