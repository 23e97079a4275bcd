import type { AttentionLevel, Chunk, Client, Viewer } from '@sensocto/client';

/** What is told of a sensor that is watched. */
export interface Watcher {
  /** came is when it came, in ms by the server's clock; it may have been kept back since. */
  chunk(chunk: Chunk, came: number): void;
  /** Measurements are missing here: the connection was away. */
  interrupted?(): void;
}

const order: readonly AttentionLevel[] = ['none', 'low', 'medium', 'high'];
const flushMS = 40;
const releaseEveryMS = 30;
const mostHeld = 20_000; // chunks

/** A chunk and when it came, or an interruption. */
type Arrival = { chunk: Chunk; came: number } | 'interrupted';

/** One look at a sensor. Several may be open for the same one: the closest look counts. */
export class Watch {
  #level: AttentionLevel;
  #changed: () => void;

  constructor(
    readonly watcher: Watcher,
    level: AttentionLevel,
    changed: () => void,
    /** Ends the look. */
    readonly close: () => void,
  ) {
    this.#level = level;
    this.#changed = changed;
  }

  get level(): AttentionLevel {
    return this.#level;
  }
  set level(level: AttentionLevel) {
    if (level === this.#level) return;
    this.#level = level;
    this.#changed();
  }
}

/**
 * All that the page watches, over one viewer topic. What changes within a moment,
 * such as the tiles that a scroll passes, is told to the server together.
 */
export class Live {
  #client: Client;
  #viewer: Viewer | undefined;
  #watches = new Map<string, Set<Watch>>();
  #told = new Map<string, AttentionLevel>();
  #due = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #follow: (viewer: Viewer) => () => void;
  #stopFollowing: (() => void) | undefined;
  #delay = 0;
  #held: { due: number; what: Arrival }[] = []; // in order
  #release: ReturnType<typeof setTimeout> | undefined;

  /** follow reports the page's visibility and battery; it returns what ends that. */
  constructor(client: Client, follow: (viewer: Viewer) => () => void) {
    this.#client = client;
    this.#follow = follow;
  }

  /** Watches a sensor until the watch is closed. */
  watch(sensorId: string, level: AttentionLevel, watcher: Watcher): Watch {
    const changed = () => this.#schedule(sensorId);
    const set = this.#watches.get(sensorId) ?? new Set<Watch>();
    this.#watches.set(sensorId, set);
    const watch: Watch = new Watch(watcher, level, changed, () => {
      set.delete(watch);
      changed();
    });
    set.add(watch);
    changed();
    return watch;
  }

  /** How long measurements are kept back before they are shown, in ms: 0 unless somebody asked for it. */
  get delay(): number {
    return this.#delay;
  }
  set delay(ms: number) {
    this.#delay = ms;
    if (ms === 0) this.#releaseUntil(Infinity);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#release);
    this.#stopFollowing?.();
    this.#watches.clear();
  }

  #schedule(sensorId: string): void {
    this.#due.add(sensorId);
    this.#timer ??= setTimeout(() => this.#flush(), flushMS);
  }

  #flush(): void {
    this.#timer = undefined;
    const fresh = new Map<AttentionLevel, string[]>();
    const changed: Record<string, AttentionLevel> = {};
    const gone: string[] = [];
    for (const id of this.#due) {
      const want = this.#wanted(id);
      const told = this.#told.get(id);
      if (want === told) continue;
      if (want === undefined) gone.push(id);
      else if (told === undefined) fresh.set(want, [...(fresh.get(want) ?? []), id]);
      else changed[id] = want;
      if (want === undefined) this.#told.delete(id);
      else this.#told.set(id, want);
    }
    this.#due.clear();
    this.#tell(fresh, changed, gone);
  }

  /** A failure is no harm: the viewer tells all of it again with its next join. */
  #tell(fresh: Map<AttentionLevel, string[]>, changed: Record<string, AttentionLevel>, gone: string[]): void {
    if (fresh.size === 0 && !this.#viewer) return;
    const viewer = (this.#viewer ??= this.#open());
    const ignore = () => undefined;
    for (const [level, ids] of fresh) void viewer.watch(ids, level).then(({ refused }) => this.#refused(refused), ignore);
    if (Object.keys(changed).length > 0) void viewer.setAttention(changed).catch(ignore);
    if (gone.length > 0) void viewer.unwatch(gone).catch(ignore);
  }

  #wanted(sensorId: string): AttentionLevel | undefined {
    const set = this.#watches.get(sensorId);
    if (!set || set.size === 0) {
      this.#watches.delete(sensorId);
      return undefined;
    }
    let highest = 0;
    for (const watch of set) highest = Math.max(highest, order.indexOf(watch.level));
    return order[highest];
  }

  #open(): Viewer {
    const viewer = this.#client.viewer();
    viewer.on('chunk', (chunk) => this.#came({ chunk, came: this.#client.clock.now() }));
    viewer.on('interrupted', () => this.#came('interrupted')); // after what came before it
    viewer.on('refused', ({ sensorIds }) => this.#refused(sensorIds));
    this.#stopFollowing = this.#follow(viewer);
    return viewer;
  }

  #came(what: Arrival): void {
    if (this.#delay === 0 && this.#held.length === 0) return this.#show(what);
    this.#held.push({ due: performance.now() + this.#delay, what });
    if (this.#held.length > mostHeld) this.#show((this.#held.shift() as { what: Arrival }).what); // too early rather than never
    this.#release ??= setTimeout(() => this.#releaseDue(), releaseEveryMS);
  }

  #releaseDue(): void {
    this.#release = undefined;
    this.#releaseUntil(performance.now());
    if (this.#held.length > 0) this.#release = setTimeout(() => this.#releaseDue(), releaseEveryMS);
  }

  #releaseUntil(now: number): void {
    let n = 0;
    while (n < this.#held.length && (this.#held[n] as { due: number }).due <= now) n++;
    for (const { what } of this.#held.splice(0, n)) this.#show(what);
  }

  #show(what: Arrival): void {
    if (what === 'interrupted') this.#watches.forEach((set) => set.forEach((w) => w.watcher.interrupted?.()));
    else this.#watches.get(what.chunk.sensorId)?.forEach((w) => w.watcher.chunk(what.chunk, what.came));
  }

  /** Refused ones may be watched again once they may be seen. */
  #refused(sensorIds: readonly string[]): void {
    for (const id of sensorIds) this.#told.delete(id);
  }
}
