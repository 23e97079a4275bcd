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

  /** Called with each frame. */
  ask({ start, msPerColumn }: { readonly start: number; readonly msPerColumn: number }, now: number): void {
    const key = `${this.view.live ? 0 : start} ${msPerColumn}`;
    if (key === this.#asked && now - this.#askedAt < EVERY_MS) return;
    this.#asked = key;
    this.#askedAt = now;
    for (const pane of this.panes) for (const s of pane.series) s.want(this.view.from, this.view.to, msPerColumn);
  }
}
