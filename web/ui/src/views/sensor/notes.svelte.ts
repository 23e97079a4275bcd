import { samplesOf } from './documents.ts';
import type { Client } from '@sensocto/client';
import { describe, kindOf, NOTE_ATTRIBUTE, type AttributeLike } from '../../lib/chart/kinds.ts';
import type { SensorFeed } from '../../lib/chart/sensorfeed.ts';
import { answer, api } from '../../lib/app/api.ts';

/** Something that happened: an event that the sensor sent, or a note that somebody set. */
export interface Happening {
  readonly id: string;
  readonly time: number;
  readonly text: string;
  readonly attribute: string;
  readonly note: boolean;
  /** How long a note's event lasted, in s, where that is known. */
  readonly duration?: number | undefined;
}

/** A note as it is stored (docs/protocol.md). One that is removed gets a second measurement: what was said last of an id counts. */
interface StoredNote {
  readonly id: string;
  readonly text?: string;
  readonly duration?: number; // s
  readonly removed?: boolean;
}

const MOST = 500;
const isNote = (p: unknown): p is StoredNote => typeof p === 'object' && p !== null && typeof (p as StoredNote).id === 'string';

/** The events and notes of a sensor, newest first. */
export class Notes {
  #events = $state.raw<readonly Happening[]>([]);
  #notes = $state.raw<ReadonlyMap<string, Happening>>(new Map());
  readonly #followed = new Set<string>();
  readonly #ends: (() => void)[] = [];
  #list = $derived([...this.#notes.values(), ...this.#events].sort((a, b) => b.time - a.time));

  constructor(
    private readonly client: Client,
    private readonly sensorId: string,
    private readonly feed: SensorFeed,
  ) {}

  get list(): readonly Happening[] {
    return this.#list;
  }
  /** Those that people set. */
  get notes(): readonly Happening[] {
    return [...this.#notes.values()];
  }

  /** Follows the attributes that are events. Notes are read once, with the first call. */
  follow(attributes: readonly AttributeLike[]): void {
    const events = attributes.filter((a) => kindOf(a) === 'events');
    for (const a of events) {
      if (this.#followed.has(a.id)) continue;
      this.#followed.add(a.id);
      this.#ends.push(this.feed.follow(a.id, { documents: (times, payloads) => this.#take(a, times, payloads) }));
      if (a.id === NOTE_ATTRIBUTE) void this.#load(a).catch(() => undefined);
    }
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  /** Stores a note at the time, Unix ms. It throws ApiError where that is not allowed. */
  add(time: number, text: string): Promise<void> {
    return this.#store({ text, timestamp: time });
  }

  /** Brings back a note that was removed, as it was. */
  restore(note: Happening): Promise<void> {
    return this.#store({ id: note.id, text: note.text, timestamp: note.time, duration: note.duration });
  }

  async #store(body: { id?: string; text: string; timestamp: number; duration?: number | undefined }): Promise<void> {
    const stored = await answer(api.POST('/api/v1/sensors/{id}/notes', { params: { path: { id: this.sensorId } }, body }));
    if (isNote(stored.payload)) this.#put(stored.timestamp, stored.payload);
  }

  /** Takes a note away. */
  async remove(note: Happening): Promise<void> {
    await answer(api.DELETE('/api/v1/sensors/{id}/notes/{note_id}', { params: { path: { id: this.sensorId, note_id: note.id }, query: { timestamp: note.time } } }));
    this.#put(note.time, { id: note.id, removed: true });
  }

  async #load(a: AttributeLike): Promise<void> {
    for (const { times, payloads } of await samplesOf(this.client, this.sensorId, a.id)) this.#take(a, times, payloads);
  }

  #take(a: AttributeLike, times: ArrayLike<number>, payloads: readonly unknown[]): void {
    const fresh: Happening[] = [];
    payloads.forEach((payload, i) => {
      const time = times[i] as number;
      if (a.id === NOTE_ATTRIBUTE && isNote(payload)) this.#put(time, payload);
      else fresh.push({ id: `${a.id} ${time} ${i}`, time, text: describe(payload), attribute: a.attribute_name || a.id, note: false });
    });
    if (fresh.length > 0) this.#events = [...fresh.reverse(), ...this.#events].slice(0, MOST);
  }

  #put(time: number, n: StoredNote): void {
    const next = new Map(this.#notes);
    if (n.removed) next.delete(n.id);
    else next.set(n.id, { id: n.id, time, text: n.text ?? '', attribute: NOTE_ATTRIBUTE, note: true, duration: n.duration });
    this.#notes = next;
  }
}
