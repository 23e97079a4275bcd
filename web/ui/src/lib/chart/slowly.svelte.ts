import { untrack } from 'svelte';
import type { Shown } from './chartstate.svelte.ts';

const EVERY_MS = 1000;

/** What a chart shows, for tables. While it runs they change once a second: nobody reads faster. Where somebody moved the cursor or stopped the chart, at once. */
export class Slowly {
  #now = $state.raw<Shown>();

  /** Follows in the component that makes it. */
  constructor(read: () => Shown) {
    let readAt = 0;
    $effect(() => {
      const shown = read();
      const waits = shown.live && shown.cursor === untrack(() => this.#now?.cursor);
      const due = waits ? Math.max(0, readAt + EVERY_MS - performance.now()) : 0;
      const timer = setTimeout(() => {
        readAt = performance.now();
        this.#now = shown;
      }, due);
      return () => clearTimeout(timer);
    });
  }

  get now(): Shown | undefined {
    return this.#now;
  }
}
