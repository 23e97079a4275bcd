import { flushSync } from 'svelte';
import type { PlacedTile } from './layout.ts';

// Script of a frame that making tiles may take before the rest waits for the next one: traces want to be drawn meanwhile.
const SCROLLING_MS = 1;
const STILL_MS = 8;

/**
 * Those of the wanted tiles that are there next, in order: all that are there
 * already, and of the others the nearest to `middle` (pixels, as y is). All of
 * them where none is there: then nobody scrolls, and waiting would only show.
 */
export function nextTiles(wanted: readonly PlacedTile[], there: ReadonlySet<string>, middle: number, most: number): readonly PlacedTile[] {
  const fresh = wanted.filter((t) => !there.has(t.key));
  if (fresh.length <= most || fresh.length === wanted.length) return wanted;
  const made = new Set(fresh.toSorted((a, b) => Math.abs(a.y - middle) - Math.abs(b.y - middle)).slice(0, most));
  return wanted.filter((t) => there.has(t.key) || made.has(t));
}

/** The tiles that are on the page. While somebody scrolls, of those that come into view each frame makes as many as it has time for, and at least one. */
export class MountedTiles {
  #list = $state.raw<readonly PlacedTile[]>([]);
  #wanted: readonly PlacedTile[] = [];
  #middle = 0;
  #request = 0;
  #moved = false; // since the last frame

  get list(): readonly PlacedTile[] {
    return this.#list;
  }

  /** Says which tiles should be there, in order; those around `middle` come first. */
  want(wanted: readonly PlacedTile[], middle: number): void {
    this.#wanted = wanted;
    this.#middle = middle;
    this.#moved = true;
    this.#request ||= requestAnimationFrame(this.#frame);
  }

  /** Makes all that is wanted, for somebody who waits for one of them. */
  makeAll(): void {
    this.#list = this.#wanted;
  }

  close(): void {
    cancelAnimationFrame(this.#request);
    this.#request = 0;
  }

  #frame = (): void => {
    this.#request = 0; // first: a tile that cannot be made holds off no other
    const until = performance.now() + (this.#moved ? SCROLLING_MS : STILL_MS);
    this.#moved = false;
    do {
      this.#list = nextTiles(this.#wanted, new Set(this.#list.map((t) => t.key)), this.#middle, 1);
      flushSync();
    } while (this.#list.length < this.#wanted.length && performance.now() < until);
    if (this.#list.length < this.#wanted.length) this.#request ||= requestAnimationFrame(this.#frame);
  };
}
