import { Emitter } from "../emitter.js";
import { documentBytes, isNumbers, type OutboxLog, sizeOf } from "../outbox/log.js";
import type { Block, Log } from "../outbox/store.js";

export interface OutboxEvents {
  /** How many samples wait for a flush has changed. */
  waiting: number;
  /** Samples were refused: the outbox is full. */
  refused: { samples: number };
  /** The store cannot be written; what was taken stays in memory and is tried again. */
  error: Error;
  /** A flush was asked for, or may be possible now. */
  flush: void;
  /** The log has changed. */
  log: Log;
  /** This program has added to the log. */
  stored: void;
}

const attributeId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const documentLimit = 64 << 10;
const retryAfter = 500; // ms

/**
 * Takes samples and stores them in the log, a group at a time: while one
 * transaction runs, the next group gathers. What `saved` has waited for outlives a
 * crash of the tab.
 */
export class Outbox extends Emitter<OutboxEvents> {
  readonly log: OutboxLog;
  #limit: number;
  #gathering = new Gathering();
  #queue: Group[] = []; // what is being written
  #writing: Promise<void> | undefined;
  #state: Log | undefined;
  #refused = 0;
  #begun: Promise<void> | undefined;
  #paused = false;
  #wanted = false; // a flush
  #closed = false;

  constructor(log: OutboxLog, limitBytes: number) {
    super();
    this.log = log;
    this.#limit = limitBytes;
  }

  /** Samples that are in no closed batch. */
  get waiting(): number {
    return (this.#state?.openSamples ?? 0) + this.#unwritten("samples");
  }

  /** Samples that are not acknowledged. */
  get unsent(): number {
    return (this.#state?.samples ?? 0) + this.#unwritten("samples");
  }

  /** The log as it was last known. */
  get state(): Log | undefined {
    return this.#state;
  }

  /** Samples that were refused since the outbox was opened. */
  get refused(): number {
    return this.#refused;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Whether a flush was asked for and not done yet. */
  get flushWanted(): boolean {
    return this.#wanted;
  }

  add(id: string, time: number, payload: unknown): boolean {
    checkId(id);
    checkTime(time);
    if (typeof payload === "number" && Number.isFinite(payload)) return this.#take(16, 1, () => this.#gathering.number(id, time, payload));
    const bytes = checkDocument(payload);
    return this.#take(16 + bytes, 1, () => this.#gathering.document(id, time, payload, bytes));
  }

  addColumns(id: string, times: Float64Array, values: Float64Array): boolean {
    checkId(id);
    if (times.length !== values.length) throw new RangeError(`${times.length} times and ${values.length} values: give one time for each value`);
    times.forEach(checkTime);
    if (!values.every(Number.isFinite)) throw new RangeError("a value is not finite: leave out what was not measured");
    return this.#take(16 * times.length, times.length, () => this.#gathering.columns(id, times, values));
  }

  /** Waits until everything that was taken so far is in the store. */
  async saved(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Begins an epoch of the log, and reads what the log holds. */
  begin(): Promise<void> {
    this.#begun ??= this.log.beginEpoch().then(
      (state) => this.update(state),
      (err: unknown) => {
        this.#begun = undefined; // it is tried again
        throw err;
      },
    );
    return this.#begun;
  }

  flush(): void {
    this.#wanted = this.waiting > 0;
    this.emit("flush", undefined);
  }

  pause(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.emit("flush", undefined);
  }

  /** Closes the open batch, for whoever sends. */
  async closeBatch(): Promise<void> {
    await this.saved();
    this.#wanted = false;
    this.update(await this.log.closeBatch());
  }

  /** Takes over a state of the log that another call returned. */
  update(state: Log): void {
    this.#state = state;
    this.emit("log", state);
    this.emit("waiting", this.waiting);
  }

  /** Waits for what was taken to be stored, and takes nothing any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.saved();
    this.removeAllListeners();
  }

  #take(bytes: number, samples: number, keep: () => void): boolean {
    if (this.#closed) throw new Error("the device is closed: open it again to add measurements");
    if ((this.#state?.bytes ?? 0) + this.#unwritten("bytes") + bytes > this.#limit) {
      this.#refuse(samples);
      return false;
    }
    keep();
    this.#gathering.bytes += bytes;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    this.emit("waiting", this.waiting);
    return true;
  }

  #refuse(samples: number): void {
    this.#refused += samples;
    this.emit("refused", { samples });
  }

  #unwritten(what: "samples" | "bytes"): number {
    return this.#queue.reduce((n, group) => n + group[what], this.#gathering[what]);
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // what is added in one go is one group
    while (this.#gathering.samples > 0) {
      this.#queue = [...groups(this.#gathering.blocks)];
      this.#gathering = new Gathering();
      for (let group = this.#queue[0]; group; group = this.#queue[0]) await this.#store(group);
    }
  }

  async #store(group: Group): Promise<void> {
    try {
      await this.begin();
      const state = await this.log.append(group.blocks);
      this.#queue.shift();
      if (!state) return this.#refuse(group.samples); // other tabs have filled it meanwhile
      this.emit("stored", undefined);
      this.update(state);
    } catch (err) {
      this.emit("error", err instanceof Error ? err : new Error(String(err)));
      if (this.#closed) throw err;
      await new Promise((resolve) => setTimeout(resolve, retryAfter));
    }
  }
}

type Gathered = { id: string; times: number[] } & ({ values: number[] } | { payloads: unknown[]; bytes: number });

/** What gathers for the next transaction. */
class Gathering {
  samples = 0;
  bytes = 0;
  #blocks: (Gathered | Block)[] = [];
  #open = new Map<string, Gathered>(); // what the next sample of an attribute may go to

  number(id: string, time: number, value: number): void {
    let run = this.#open.get(id);
    if (!run || !("values" in run) || run.times.length >= columnPiece) run = this.#begin({ id, times: [], values: [] as number[] });
    run.times.push(time);
    run.values.push(value);
    this.samples++;
  }

  document(id: string, time: number, payload: unknown, bytes: number): void {
    let run = this.#open.get(id);
    if (!run || !("payloads" in run) || run.bytes + bytes > groupBytes) run = this.#begin({ id, times: [], payloads: [] as unknown[], bytes: 0 });
    run.bytes += 16 + bytes;
    run.times.push(time);
    run.payloads.push(payload);
    this.samples++;
  }

  /** The columns are copied in pieces of at most a batch. */
  columns(attributeId: string, times: Float64Array, values: Float64Array): void {
    this.#open.delete(attributeId);
    for (let at = 0; at < times.length; at += columnPiece) {
      this.#blocks.push({ attributeId, times: times.slice(at, at + columnPiece), values: values.slice(at, at + columnPiece) });
    }
    this.samples += times.length;
  }

  /** What has gathered, in order for each attribute. */
  get blocks(): Block[] {
    return this.#blocks.map((b) => {
      if ("attributeId" in b) return b;
      const head = { attributeId: b.id, times: Float64Array.from(b.times) };
      return "values" in b ? { ...head, values: Float64Array.from(b.values) } : { ...head, payloads: b.payloads };
    });
  }

  #begin<T extends Gathered>(run: T): T {
    this.#blocks.push(run);
    this.#open.set(run.id, run);
    return run;
  }
}

const columnPiece = 4096;

/** Blocks of one kind that are written together, small enough for a batch. */
interface Group {
  blocks: Block[];
  samples: number;
  bytes: number;
}

function* groups(blocks: Block[]): Generator<Group> {
  let group: Group = { blocks: [], samples: 0, bytes: 0 };
  for (const block of blocks) {
    const { samples, bytes } = sizeOf([block]);
    const [first] = group.blocks;
    if (first && (group.bytes + bytes > groupBytes || isNumbers(block) !== isNumbers(first))) {
      yield group;
      group = { blocks: [], samples: 0, bytes: 0 };
    }
    group.blocks.push(block);
    group.samples += samples;
    group.bytes += bytes;
  }
  if (group.blocks.length > 0) yield group;
}

const groupBytes = 64 << 10;

function checkId(id: string): void {
  if (!attributeId.test(id)) throw new RangeError(`"${id}" is no attribute id: use 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or digit`);
}

function checkTime(time: number): void {
  if (!Number.isFinite(time)) throw new RangeError(`${time} is no timestamp: give Unix time in ms, as Date.now() does`);
}

/** The size of a document. It throws for what is no JSON, or too large. */
function checkDocument(payload: unknown): number {
  if (payload === undefined || typeof payload === "number" || JSON.stringify(payload) === undefined) {
    throw new TypeError(`${String(payload)} is no payload: give a finite number or another JSON value`);
  }
  const bytes = documentBytes(payload);
  if (bytes > documentLimit) throw new RangeError(`a payload of ${bytes} bytes is too large: the server takes 64 KiB`);
  return bytes;
}
