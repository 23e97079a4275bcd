import { SvelteMap } from 'svelte/reactivity';
import { answer, api } from '../app/api.ts';

/** Names of rooms by their ids: each is asked for once. A room that is not seen has none. */
export class RoomNames {
  readonly #names = new SvelteMap<string, string>();
  readonly #asked = new Set<string>();

  of(id: string): string | undefined {
    return this.#names.get(id);
  }

  /** Asks for the names that are not known, one after the other. */
  async want(ids: readonly string[]): Promise<void> {
    const fresh = ids.filter((id) => !this.#asked.has(id));
    for (const id of fresh) this.#asked.add(id);
    for (const id of fresh) {
      try {
        this.#names.set(id, (await answer(api.GET('/api/v1/rooms/{id}', { params: { path: { id } } }))).name);
      } catch {
        // its id stands for it
      }
    }
  }
}
