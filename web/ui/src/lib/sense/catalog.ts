import type { KnownDevice } from './bluetooth/device.ts';
import type { SourceKind } from './source.ts';

/** A sensor that this browser brings, as it is kept for the next visit. */
export interface Entry {
  /** Of the sensor on the server. */
  readonly id: string;
  readonly kind: SourceKind;
  readonly name: string;
  readonly device?: KnownDevice;
  /** The sensor is in this room while it is measured. */
  readonly room?: string;
  /** It was measuring when the page was left. */
  readonly running?: boolean;
  /** It was removed here, and the server does not have everything of it yet. */
  readonly removed?: boolean;
}

interface Kept {
  machine: string;
  entries: readonly Entry[];
}

/** What one person brings from this browser. Another person's sensors are not theirs: each has a list of their own. */
export class Catalog {
  #key: string;
  #storage: Pick<Storage, 'getItem' | 'setItem'>;
  #machine: string;

  constructor(owner: string, storage: Pick<Storage, 'getItem' | 'setItem'> = localStorage) {
    this.#key = `sensocto.sense.${owner}`;
    this.#storage = storage;
    this.#machine = read(storage.getItem(this.#key))?.machine ?? randomId();
  }

  /** Names this browser for this person: ids of its sensors begin with it. */
  get machine(): string {
    return this.#machine;
  }

  /** As of now: other tabs change it, too. */
  get entries(): readonly Entry[] {
    return read(this.#storage.getItem(this.#key))?.entries ?? [];
  }

  /** Adds an entry, or replaces the one with its id. */
  put(entry: Entry): void {
    const { entries } = this;
    const at = entries.findIndex((e) => e.id === entry.id);
    this.#save(at < 0 ? [...entries, entry] : entries.with(at, entry));
  }

  remove(id: string): void {
    this.#save(this.entries.filter((e) => e.id !== id));
  }

  /**
   * The sensor that a source is: the same as at earlier visits. Devices are known by the browser's id; as that may
   * change with a reload, by their name if no other device has it.
   *
   * @param isInUse tells of a sensor whether another device measures for it now
   */
  idOf(kind: SourceKind, device?: KnownDevice, isInUse: (id: string) => boolean = () => false): string {
    if (!device) return `${this.machine}-${kind}`;
    const devices = this.entries.filter((e) => e.device);
    const same = devices.find((e) => e.device?.id === device.id) ?? devices.find((e) => device.name && e.device?.name === device.name && !isInUse(e.id));
    if (same) return same.id;
    const base = `${this.machine}-${slug(device.name) || 'bluetooth'}`;
    let id = base;
    for (let n = 2; this.entries.some((e) => e.id === id); n++) id = `${base}-${n}`;
    return id;
  }

  #save(entries: readonly Entry[]): void {
    this.#storage.setItem(this.#key, JSON.stringify({ machine: this.#machine, entries }));
  }
}

/** What another version of the program left there is not taken at its word. */
function read(text: string | null): Kept | null {
  try {
    const kept = JSON.parse(text ?? 'null') as Kept | null;
    const isEntry = (e: Entry) => typeof e.id === 'string' && typeof e.kind === 'string' && typeof e.name === 'string';
    return typeof kept?.machine === 'string' && Array.isArray(kept.entries) && kept.entries.every(isEntry) ? kept : null;
  } catch {
    return null;
  }
}

/** 40 bits: few people bring sensors from more than a few browsers. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((b) => 'abcdefghijkmnpqrstuvwxyz23456789'[b & 31]).join('');
}

/** What an id may contain of a name. */
function slug(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 60);
}
