import { LEVELS, tileAt, tileSpan } from './level.ts';
import { tileBytes, type Tile } from './tile.ts';

/** Reads a tile of a series from the server. */
export type TileFetch = (level: number, from: number, to: number, signal: AbortSignal) => Promise<Tile>;

/** A tile that is wanted. */
export interface Want {
  readonly level: number;
  readonly index: number;
  /** Lower ones are fetched first: 0 what is on the screen, then what may be next. */
  readonly priority: number;
}

interface Entry {
  readonly tile: Tile;
  readonly bytes: number;
  /** The answer is complete up to here: what was measured later was not there yet. */
  readonly validTo: number;
  readonly fetchedAt: number;
  stale: boolean;
}

interface Running {
  readonly owner: TileSet;
  readonly controller: AbortController;
}

interface Failure {
  readonly until: number;
  readonly times: number;
}

export interface TileCacheOptions {
  /** Bytes of all tiles; those that were not used for longest go first. 32 MiB by default. */
  readonly maxBytes?: number;
  /** Requests at a time; 4 by default, which leaves a browser connections for the rest. */
  readonly concurrency?: number;
  /** Waits; a test passes its own. */
  readonly later?: (callback: () => void, ms: number) => void;
  readonly clock?: () => number;
}

/** A tile that does not reach far enough is not fetched again sooner. */
const AGAIN_MS = 2000;

const KEY = (id: number, level: number, index: number): string => `${id}/${level}/${index}`;

/**
 * Tiles of history of many series, bounded in bytes. It fetches what its sets
 * want, the most urgent first, a few at a time; requests that nobody wants any
 * more are cancelled, failed ones come again after a growing pause.
 */
export class TileCache {
  readonly #entries = new Map<string, Entry>(); // the longest unused first
  readonly #running = new Map<string, Running>();
  readonly #failures = new Map<string, Failure>();
  readonly #sets = new Set<TileSet>();
  readonly #maxBytes: number;
  readonly #concurrency: number;
  readonly #later: (callback: () => void, ms: number) => void;
  readonly #clock: () => number;
  #bytes = 0;
  #ids = 0;

  constructor(options: TileCacheOptions = {}) {
    this.#maxBytes = options.maxBytes ?? 32 << 20;
    this.#concurrency = options.concurrency ?? 4;
    this.#later = options.later ?? ((callback, ms) => void setTimeout(callback, ms));
    this.#clock = options.clock ?? (() => performance.now());
  }

  get bytes(): number {
    return this.#bytes;
  }
  get running(): number {
    return this.#running.size;
  }

  /** The tiles of one series. `changed` is called when there is something new to draw. */
  open(fetch: TileFetch, changed: () => void): TileSet {
    const set = new TileSet(this, ++this.#ids, fetch, changed);
    this.#sets.add(set);
    return set;
  }

  /** Forgets a series. */
  close(set: TileSet): void {
    this.#sets.delete(set);
    for (const [key, entry] of this.#entries) if (key.startsWith(`${set.id}/`)) this.#evict(key, entry);
    this.schedule();
  }

  find(set: TileSet, level: number, index: number): Entry | undefined {
    const key = KEY(set.id, level, index);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key); // to the end: just used
    this.#entries.set(key, entry);
    return entry;
  }

  /** Whether the tile was fetched a moment ago: what it lacks is not there yet. */
  fresh(entry: Entry): boolean {
    return this.#clock() - entry.fetchedAt < AGAIN_MS;
  }

  /** Tiles of the set that hold some of the time are fetched again when they are wanted. */
  markStale(set: TileSet, from: number, to: number): void {
    for (const [key, entry] of this.#entries) {
      if (key.startsWith(`${set.id}/`) && entry.tile.from <= to && from < entry.tile.to) entry.stale = true;
    }
  }

  /** Starts what is wanted most, and cancels what is wanted no more. */
  schedule(): void {
    const wanted: { key: string; want: Want; set: TileSet }[] = [];
    for (const set of this.#sets) for (const want of set.wanted) wanted.push({ key: KEY(set.id, want.level, want.index), want, set });
    const keys = new Set(wanted.map((w) => w.key));
    for (const [key, r] of this.#running) {
      if (keys.has(key)) continue;
      this.#running.delete(key);
      r.controller.abort();
    }
    wanted.sort((a, b) => a.want.priority - b.want.priority);
    for (const { key, want, set } of wanted) {
      if (this.#running.size >= this.#concurrency) break;
      if (!this.#running.has(key) && !this.#waits(key)) void this.#fetch(key, want, set);
    }
  }

  #waits(key: string): boolean {
    const failure = this.#failures.get(key);
    return failure !== undefined && this.#clock() < failure.until;
  }

  async #fetch(key: string, want: Want, set: TileSet): Promise<void> {
    const controller = new AbortController();
    const running = { owner: set, controller };
    this.#running.set(key, running);
    const from = want.index * tileSpan(want.level);
    const validTo = Math.min(from + tileSpan(want.level), set.knownTo());
    try {
      const tile = await set.fetch(want.level, from, from + tileSpan(want.level), controller.signal);
      if (this.#running.get(key) !== running) return;
      this.#store(key, { tile, bytes: tileBytes(tile), validTo, fetchedAt: this.#clock(), stale: false });
      this.#failures.delete(key);
      set.arrived(null);
    } catch (error) {
      if (this.#running.get(key) !== running) return; // cancelled
      this.#fail(key, set, error);
    }
    this.#running.delete(key);
    set.fetched(want);
    this.schedule();
  }

  #fail(key: string, set: TileSet, error: unknown): void {
    const times = (this.#failures.get(key)?.times ?? 0) + 1;
    const pause = Math.min(30_000, 500 * 2 ** times);
    this.#failures.set(key, { until: this.#clock() + pause, times });
    this.#later(() => set.arrived(error), pause);
    set.arrived(error);
  }

  #store(key: string, entry: Entry): void {
    const old = this.#entries.get(key);
    if (old) this.#evict(key, old);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, e] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || oldest === key) break;
      this.#evict(oldest, e);
    }
  }

  #evict(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

/** A stretch and the tile to draw it from. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly tile: Tile;
}

/** The tiles of one series. */
export class TileSet {
  #wanted: Want[] = [];
  /** The last error, or null since a fetch succeeded. */
  error: unknown = null;
  /** Time up to which the server has measurements now, so that an answer is complete up to there. */
  knownTo: () => number = () => Date.now();

  constructor(
    private readonly cache: TileCache,
    readonly id: number,
    readonly fetch: TileFetch,
    private readonly changed: () => void,
  ) {}

  get wanted(): readonly Want[] {
    return this.#wanted;
  }

  /** Replaces what is wanted. */
  want(list: Want[]): void {
    const same = list.length === this.#wanted.length && list.every((w, i) => w.level === this.#wanted[i]?.level && w.index === this.#wanted[i]?.index);
    if (same && list.length === 0) return;
    this.#wanted = list;
    this.cache.schedule();
  }

  close(): void {
    this.#wanted = [];
    this.cache.close(this);
  }

  arrived(error: unknown): void {
    this.error = error;
    this.changed();
  }

  fetched(want: Want): void {
    this.#wanted = this.#wanted.filter((w) => w.level !== want.level || w.index !== want.index);
  }

  /** Says that measurements of these times came late: what holds them is fetched again when it is wanted. */
  markStale(from: number, to: number): void {
    this.cache.markStale(this, from, to);
  }

  /** Whether the tile need not be fetched for what is drawn up to the time `to`: it is there, or all samples of its stretch are. */
  satisfied(level: number, index: number, to: number): boolean {
    const from = index * tileSpan(level);
    const end = Math.min(from + tileSpan(level), to);
    if (end <= from) return true;
    for (let l = level; l < LEVELS.length; l++) {
      const e = this.cache.find(this, l, tileAt(l, from));
      if (!e || e.stale || (l > level && e.tile.width > 0)) continue;
      if (e.validTo >= end || this.cache.fresh(e)) return true;
    }
    return false;
  }

  /**
   * The best that there is for the stretch, in order of time: tiles of the level,
   * where they are missing coarser ones, where these are missing finer ones.
   */
  pieces(level: number, from: number, to: number): Piece[] {
    const list: Piece[] = [];
    this.#collect(level, from, to, list, level);
    return list;
  }

  #collect(level: number, from: number, to: number, list: Piece[], asked: number): void {
    const span = tileSpan(level);
    for (let index = tileAt(level, from); index * span < to; index++) {
      const a = Math.max(from, index * span);
      const b = Math.min(to, (index + 1) * span);
      const entry = this.cache.find(this, level, index);
      if (entry) append(list, { from: a, to: b, tile: entry.tile });
      else if (level + 1 < LEVELS.length) this.#collect(level + 1, a, b, list, asked);
      else this.#finer(asked - 1, a, b, list);
    }
  }

  #finer(level: number, from: number, to: number, list: Piece[], depth = 4): void {
    if (level < 0 || depth === 0) return;
    const span = tileSpan(level);
    for (let index = tileAt(level, from); index * span < to; index++) {
      const a = Math.max(from, index * span);
      const b = Math.min(to, (index + 1) * span);
      const entry = this.cache.find(this, level, index);
      if (entry) append(list, { from: a, to: b, tile: entry.tile });
      else this.#finer(level - 1, a, b, list, depth - 1);
    }
  }
}

/** Appends a piece; one that goes on with the same tile is joined to the one before. */
function append(list: Piece[], piece: Piece): void {
  const last = list.at(-1);
  if (last && last.tile === piece.tile && last.to === piece.from) list[list.length - 1] = { ...last, to: piece.to };
  else list.push(piece);
}
