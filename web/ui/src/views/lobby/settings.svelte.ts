import type { Grouping, Sorting } from './arrange.ts';
import type { Lens } from './content.ts';

export type Density = 'comfortable' | 'compact' | 'dense';

const key = 'sensocto.lobby';

interface Kept {
  grouping: Grouping;
  sorting: Sorting;
  density: Density;
  lens: Lens;
  pinned: string[];
  /** The first visit is over. */
  welcomed: boolean;
}

const usual: Kept = { grouping: 'none', sorting: 'name', density: 'comfortable', lens: 'overview', pinned: [], welcomed: false };

/** How somebody wants the lobby; remembered in this browser. */
export class LobbySettings {
  #kept = $state.raw<Kept>(read());
  #pinned = $derived(new Set(this.#kept.pinned));
  search = $state('');

  get grouping(): Grouping {
    return this.#kept.grouping;
  }
  get sorting(): Sorting {
    return this.#kept.sorting;
  }
  get density(): Density {
    return this.#kept.density;
  }
  get lens(): Lens {
    return this.#kept.lens;
  }
  get pinned(): ReadonlySet<string> {
    return this.#pinned;
  }

  get welcomed(): boolean {
    return this.#kept.welcomed;
  }

  /** Ends the first visit; a sensor that it began with is pinned. */
  welcome(sensorId?: string): void {
    const pinned = sensorId === undefined || this.#pinned.has(sensorId) ? this.#kept.pinned : [...this.#kept.pinned, sensorId];
    this.set({ welcomed: true, pinned });
  }

  set(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    localStorage.setItem(key, JSON.stringify(this.#kept));
  }

  togglePin(sensorId: string): void {
    const pinned = this.#pinned.has(sensorId) ? this.#kept.pinned.filter((id) => id !== sensorId) : [...this.#kept.pinned, sensorId];
    this.set({ pinned });
  }
}

function read(): Kept {
  try {
    return { ...usual, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Kept>) };
  } catch {
    return usual;
  }
}
