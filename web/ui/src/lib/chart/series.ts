import { addRing, columnOf, type Columns } from './columns.ts';
import { addTile } from './envelope.ts';
import { levelFor } from './level.ts';
import { appendBucket, Flag, SampleRing, type MergedBucket } from './ring.ts';
import { tileLowerBound, usualInterval } from './tile.ts';
import type { Piece, TileCache, TileFetch, TileSet } from './tilecache.ts';
import { wantsOf } from './wants.ts';

/** What is known at a time: a sample, or the bucket that holds it where samples are finer than the screen. */
export type Reading =
  | { readonly kind: 'sample'; readonly time: number; readonly value: number }
  | { readonly kind: 'bucket'; readonly from: number; readonly to: number; readonly min: number; readonly max: number; readonly mean: number; readonly count: number };

export interface SeriesOptions {
  readonly label: string;
  readonly unit: string;
  /** Number of its colour, 1 to 8. */
  readonly colour: number;
  /** Measurements a second as the sensor says; 0 where it does not. */
  readonly rate: number;
  /** Reads a tile of its history. */
  readonly fetch: TileFetch;
}

interface Point {
  readonly time: number;
  readonly value: number;
}

/** The least step in time that is a gap, in usual intervals. */
export const GAP = 3.5;
const KEEP_MS = 60_000;

/** Steps in time of more than so many ms are gaps, by the usual step; none are where that is NaN. */
export const gapMSOf = (interval: number): number => (Number.isNaN(interval) ? Infinity : Math.max(GAP * interval, 5));

/** The usual ms between measurements: as the sensor says by its rate in Hz, else as their newest times are; NaN where neither tells it. */
export function intervalOf(rate: number, newest: () => Float64Array): number {
  if (rate > 0) return 1000 / rate;
  const times = newest();
  return times.length < 4 ? NaN : usualInterval(times, times, times.map(() => 1));
}

/**
 * One trace of a chart: its history in tiles, and the live samples behind it. The
 * live samples are complete behind `coverFrom`; up to there the history is drawn.
 */
export class Series {
  readonly ring = new SampleRing({ keepMS: KEEP_MS, capacity: 1024, max: 1 << 19 });
  readonly tiles: TileSet;
  /** Called when there is something new to draw in columns that were drawn. */
  changed: () => void = () => {};
  #coverFrom = Infinity;
  #settleTo = NaN;
  #interval: number;

  constructor(
    readonly options: SeriesOptions,
    cache: TileCache,
  ) {
    this.tiles = cache.open(options.fetch, () => this.changed());
    this.tiles.knownTo = () => (this.ring.length > 0 ? nextUp(this.ring.lastTime) : Date.now());
    this.#interval = intervalOf(options.rate, () => new Float64Array());
  }

  close(): void {
    this.tiles.close();
  }

  /** Time behind which all samples are in the ring. */
  get coverFrom(): number {
    if (this.ring.first > 0 && this.ring.length > 0) return Math.max(this.#coverFrom, this.ring.firstTime);
    return this.#coverFrom;
  }

  /** Steps in time of more than this are gaps. */
  get gapMS(): number {
    return gapMSOf(this.#interval);
  }

  /** Live measurements, oldest first. Late ones that belong into the history are read from there. */
  append(times: ArrayLike<number>, values: ArrayLike<number>, flags = 0): void {
    for (let i = 0; i < times.length; i++) this.#push(times[i] as number, values[i] as number, flags);
    if (this.ring.takeReordered() !== Infinity) this.changed();
  }

  /** A bucket of live measurements that the server merged. */
  appendBucket(bucket: MergedBucket): void {
    if (this.ring.length === 0) this.#coverFrom = bucket.from;
    if (bucket.from > this.coverFrom || this.ring.length === 0) appendBucket(this.ring, bucket);
    else this.#late(bucket.from);
  }

  #push(time: number, value: number, flags: number): void {
    // Samples at the very time of the first may be in the history alone: the ring is complete behind it.
    if (this.ring.length === 0) this.#coverFrom = time;
    else if (time <= this.coverFrom) return this.#late(time);
    this.ring.push(time, value, flags);
  }

  #late(time: number): void {
    this.tiles.markStale(time, time);
    this.changed();
  }

  /** Says that live measurements may be missing: what came before is in the history, with what was missed. */
  interrupt(): void {
    this.ring.clear();
    this.#coverFrom = Infinity;
    this.#settleTo = NaN;
  }

  /** Reads the newest ms again from the history, which has what came merged; until that is there the live samples stay. */
  settle(ms: number): void {
    if (this.ring.length === 0) return;
    this.#settleTo = this.ring.lastTime;
    this.tiles.markStale(this.#settleTo - ms, this.#settleTo);
    this.changed();
  }

  /** Asks for the tiles that the stretch needs; true where nothing of what is on the screen is still to come. */
  want(from: number, to: number, msPerColumn: number): boolean {
    const needTo = Math.min(to, nextUp(Number.isNaN(this.#settleTo) ? this.coverFrom : this.#settleTo));
    const wants = wantsOf(this.tiles, { level: levelFor(msPerColumn), from, to: Math.max(from, needTo), needTo });
    this.tiles.want(wants);
    const complete = wants.every((w) => w.priority > 1);
    if (Number.isNaN(this.#settleTo) || !complete) return complete;
    this.#coverFrom = Math.max(this.#coverFrom, this.#settleTo);
    this.#settleTo = NaN;
    this.changed();
    return true;
  }

  /** Fills the columns, which begin at start, with history and live samples. */
  fill(columns: Columns, start: number, end: number, msPerColumn: number): void {
    columns.reset(start, end);
    const from = start * msPerColumn;
    const to = end * msPerColumn;
    const seam = this.coverFrom;
    const entry = this.before(from, msPerColumn);
    let before = entry?.time ?? NaN;
    if (from <= seam) {
      for (const piece of this.#pieces(from, Math.min(to, nextUp(seam)), msPerColumn)) {
        this.#learn(piece);
        before = addTile(columns, piece.tile, piece.from, piece.to, msPerColumn, this.gapMS, before);
        if (to > seam) this.#countOnce(columns, piece, seam, msPerColumn);
      }
    }
    if (this.ring.length > 0 && to > seam) this.#addLive(columns, msPerColumn);
    this.#bounds(columns, entry, this.after(to, msPerColumn), msPerColumn);
  }

  #addLive(columns: Columns, msPerColumn: number): void {
    addRing(columns, this.ring, msPerColumn, this.gapMS, this.ring.lowerBound(nextUp(this.coverFrom)));
  }

  /** The bucket that holds the seam has live samples in it as well: those are counted where they are drawn themselves. */
  #countOnce(columns: Columns, { tile, from, to }: Piece, seam: number, msPerColumn: number): void {
    const at = tileLowerBound(tile, to) - 1;
    const [begin, end] = [tile.begin[at], tile.end[at]];
    if (begin === undefined || end === undefined || begin < from || end <= seam || tile.width > msPerColumn) return;
    const column = columnOf((begin + end) / 2, msPerColumn) - columns.start;
    if (column < 0 || column >= columns.length) return;
    const twice = this.ring.lowerBound(nextUp(end)) - this.ring.lowerBound(nextUp(seam));
    columns.count[column] = Math.max(1, (columns.count[column] as number) - twice);
  }

  #pieces(from: number, to: number, msPerColumn: number): Piece[] {
    return this.tiles.pieces(levelFor(msPerColumn), from, to);
  }

  /** Where the sensor does not say its rate, the history shows it. */
  #learn(piece: Piece): void {
    if (this.options.rate > 0 || Number.isNaN(piece.tile.interval)) return;
    this.#interval = Number.isNaN(this.#interval) ? piece.tile.interval : Math.max(this.#interval, piece.tile.interval);
  }

  /** Puts where the trace enters and leaves the columns: on the line to what is outside of them. */
  #bounds(columns: Columns, entry: Point | null, exit: Point | null, msPerColumn: number): void {
    const from = columns.start * msPerColumn;
    const to = (columns.start + columns.length) * msPerColumn;
    let [a, b] = [0, columns.length - 1];
    while (a < columns.length && columns.count[a] === 0) a++;
    while (b >= 0 && columns.count[b] === 0) b--;
    const empty = a === columns.length;
    const first = empty ? exit : { time: (columns.start + a + 0.5) * msPerColumn, value: columns.first[a] as number };
    const last = empty ? entry : { time: (columns.start + b + 0.5) * msPerColumn, value: columns.last[b] as number };
    const cut = !empty && ((columns.flags[a] as number) & Flag.gap) !== 0;
    columns.enter = cut ? NaN : this.#crossing(entry, first, from);
    columns.leave = this.#crossing(last, exit, to);
    columns.entryTime = entry?.time ?? NaN;
    columns.exitTime = exit?.time ?? NaN;
  }

  #crossing(a: Point | null, b: Point | null, time: number): number {
    if (!a || !b || b.time - a.time > this.gapMS) return NaN;
    if (b.time <= a.time) return b.value;
    return a.value + ((b.value - a.value) * (time - a.time)) / (b.time - a.time);
  }

  /** The last value before the time. */
  before(time: number, msPerColumn: number): Point | null {
    const i = this.ring.lowerBound(time) - 1;
    if (i >= this.ring.first && this.ring.time(i) > this.coverFrom) return { time: this.ring.time(i), value: this.ring.value(i) };
    const limit = Math.min(time, nextUp(this.coverFrom));
    const reach = 2000 * msPerColumn + (Number.isNaN(this.#interval) ? 0 : 2 * this.#interval);
    for (const p of this.#pieces(limit - reach, limit, msPerColumn).reverse()) {
      const at = tileLowerBound(p.tile, p.to) - 1;
      if (at >= 0 && (p.tile.begin[at] as number) >= p.from) return { time: p.tile.end[at] as number, value: p.tile.last[at] as number };
    }
    return null;
  }

  /** The first value at the time or behind it. */
  after(time: number, msPerColumn: number): Point | null {
    if (time <= this.coverFrom) {
      const reach = 2000 * msPerColumn + (Number.isNaN(this.#interval) ? 0 : 2 * this.#interval);
      for (const p of this.#pieces(time, Math.min(time + reach, nextUp(this.coverFrom)), msPerColumn)) {
        const at = tileLowerBound(p.tile, p.from);
        if (at < p.tile.count && (p.tile.begin[at] as number) < p.to) return { time: p.tile.begin[at] as number, value: p.tile.first[at] as number };
      }
    }
    const i = this.ring.lowerBound(Math.max(time, nextUp(this.coverFrom)));
    return i < this.ring.end ? { time: this.ring.time(i), value: this.ring.value(i) } : null;
  }

  /** Calls back with the time and the value of each sample from `from` up to and including `to`, oldest first: of a bucket, with its last one. gap: measurements are missing before it. */
  each(from: number, to: number, msPerColumn: number, visit: (time: number, value: number, gap: boolean) => void): void {
    const seam = nextUp(this.coverFrom);
    let before = NaN;
    for (const p of from < seam ? this.#pieces(from, Math.min(nextUp(to), seam), msPerColumn) : []) {
      this.#learn(p);
      for (let i = tileLowerBound(p.tile, p.from); i < p.tile.count && (p.tile.end[i] as number) < p.to; i++) {
        const end = p.tile.end[i] as number;
        visit(end, p.tile.last[i] as number, (p.tile.begin[i] as number) - before > this.gapMS);
        before = end;
      }
    }
    for (let i = this.ring.lowerBound(Math.max(from, seam)); i < this.ring.end && this.ring.time(i) <= to; i++) {
      const time = this.ring.time(i);
      visit(time, this.ring.value(i), time - before > this.gapMS || (this.ring.flags(i) & Flag.gap) !== 0);
      before = time;
    }
  }

  /** What was measured nearest to the time, no further away than `reach`. */
  reading(time: number, reach: number, msPerColumn: number): Reading | null {
    let best: Reading | null = null;
    let distance = reach;
    const consider = (r: Reading, from: number, to: number): void => {
      const d = time < from ? from - time : time > to ? time - to : 0;
      if (d > distance) return;
      distance = d;
      best = r;
    };
    for (const p of this.#pieces(time - reach, Math.min(time + reach, nextUp(this.coverFrom)), msPerColumn)) this.#considerTile(p, time, consider);
    const i = this.ring.lowerBound(time);
    for (const at of [i - 1, i]) {
      if (at < this.ring.first || at >= this.ring.end || this.ring.time(at) <= this.coverFrom) continue;
      const t = this.ring.time(at);
      consider({ kind: 'sample', time: t, value: this.ring.value(at) }, t, t);
    }
    return best;
  }

  #considerTile({ tile, from, to }: Piece, time: number, consider: (r: Reading, from: number, to: number) => void): void {
    const i = tileLowerBound(tile, time);
    for (const at of [i - 1, i]) {
      const [begin, end] = [tile.begin[at], tile.end[at]];
      if (begin === undefined || end === undefined || begin < from || begin >= to) continue;
      if (begin === end) consider({ kind: 'sample', time: begin, value: tile.last[at] as number }, begin, end);
      else {
        const [min, max, mean, count] = [tile.min[at] as number, tile.max[at] as number, tile.mean[at] as number, tile.counts[at] as number];
        consider({ kind: 'bucket', from: begin, to: end, min, max, mean, count }, begin, end);
      }
    }
  }
}

/** The next time that a float64 can tell from t. */
export function nextUp(t: number): number {
  return t === Infinity ? t : t + 2 ** (Math.floor(Math.log2(Math.max(1, Math.abs(t)))) - 52);
}
