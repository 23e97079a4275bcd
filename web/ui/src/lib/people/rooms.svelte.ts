import type { Client, Room } from '@sensocto/client';
import { byName } from '../text/format.ts';
import { Pages } from './pages.svelte.ts';
import { publicRooms } from './rooms.ts';

/** The rooms that one is in and public ones, kept up to date. */
export class Rooms {
  #live = $state.raw<readonly Room[]>([]);
  #ready = $state(false);
  #ended = $state(false);
  /** Public rooms beyond those that are told of live. */
  readonly further = new Pages<Room>(async (after, signal) => {
    const { items, next } = await publicRooms(after, signal);
    return { items: items as unknown as readonly Room[], next };
  });
  #mine = $derived(this.#sorted(this.#live.filter((r) => r.role !== undefined)));
  #others = $derived.by(() => {
    const known = new Set(this.#live.map((r) => r.id));
    return this.#sorted([...this.#live.filter((r) => r.role === undefined), ...this.further.items.filter((r) => !known.has(r.id))]);
  });

  get ready(): boolean {
    return this.#ready;
  }
  /** The server lets whoever this is see no rooms. */
  get ended(): boolean {
    return this.#ended;
  }
  get mine(): readonly Room[] {
    return this.#mine;
  }
  /** Public ones that one is not in. */
  get others(): readonly Room[] {
    return this.#others;
  }

  /** Follows the rooms until the function that it returns is called. */
  follow(client: Client): () => void {
    const list = client.rooms();
    const update = () => (this.#live = [...list.rooms.values()]);
    list.on('changed', update);
    list.on('ended', () => {
      this.#live = [];
      this.#ended = true;
    });
    list.loaded().then(
      () => {
        update();
        this.#ready = true;
      },
      () => undefined,
    );
    return () => void list.close();
  }

  #sorted(rooms: Room[]): Room[] {
    return rooms.sort((a, b) => byName(a.name, b.name));
  }
}

/** Whether a room's name or description has a text. */
export const fits = (room: Pick<Room, 'name' | 'description'>, search: string): boolean =>
  `${room.name}\n${room.description}`.toLocaleLowerCase().includes(search.trim().toLocaleLowerCase());
