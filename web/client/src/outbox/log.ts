import type { Block, Epoch, Log, LogRecord, OutboxStore, StoreTransaction } from "./store.js";

// A batch is closed at the latest when it holds so much: its frame stays far
// below the server's limits, whatever is in it.
const batchSamples = 4096;
const batchBytes = 256 << 10;

/** Where a batch is in the log. */
export interface Position {
  epoch: number;
  seq: number;
}

/** A closed batch: its content does not change any more, however often it is sent. */
export interface Batch extends Position {
  stream: string;
  /** Its number in the stream. */
  streamSeq: number;
  blocks: Block[];
}

/**
 * The outbox of one sensor in a store. Every change is one transaction, so that a
 * crash at any moment leaves a log that another tab, or the next page, goes on with.
 *
 * Each page begins an epoch with a stream id of its own before it adds anything.
 * So no number is used for other samples than before, even where a power cut took
 * back the last transactions: what such a store still has is sent again under the
 * old numbers, and the server knows those.
 */
export class OutboxLog {
  readonly sensorId: string;
  #store: OutboxStore;
  #limit: number;

  constructor(store: OutboxStore, sensorId: string, limitBytes: number) {
    this.#store = store;
    this.sensorId = sensorId;
    this.#limit = limitBytes;
  }

  state(): Promise<Log> {
    return this.#change((log) => Promise.resolve(log), false);
  }

  /** Notes how the sensor is registered. */
  async register(registration: unknown): Promise<void> {
    await this.#change((log) => {
      log.registration = registration;
      return Promise.resolve(log);
    });
  }

  /** Begins an epoch. Appends go there from now on, those of other pages too. */
  beginEpoch(): Promise<Log> {
    return this.#change((log) => {
      closeOpen(log);
      log.epochs.push(newEpoch(lastEpoch(log).id + 1));
      forgetDone(log);
      return Promise.resolve(log);
    });
  }

  /**
   * Adds blocks, all of numbers or all of documents, to the open batch; undefined
   * says that the outbox is full, and nothing was added.
   */
  append(blocks: Block[]): Promise<Log | undefined> {
    const { samples, bytes } = sizeOf(blocks);
    const numbers = blocks.every(isNumbers);
    return this.#change(async (log, tx) => {
      if (log.bytes + bytes > this.#limit) return undefined;
      if (numbers !== log.openNumbers) closeOpen(log);
      log.openNumbers = numbers;
      const { id, open } = lastEpoch(log);
      await tx.put({ epoch: id, seq: open, n: log.openRecords, blocks, samples, bytes });
      log.openRecords++;
      log.openSamples += samples;
      log.openBytes += bytes;
      log.samples += samples;
      log.bytes += bytes;
      if (log.openSamples >= batchSamples || log.openBytes >= batchBytes) closeOpen(log);
      return log;
    });
  }

  /** Closes the open batch where it holds anything. */
  closeBatch(): Promise<Log> {
    return this.#change((log) => {
      closeOpen(log);
      return Promise.resolve(log);
    });
  }

  /** The first closed batch behind a position that is not acknowledged. */
  next(after: Position): Promise<Batch | undefined> {
    return this.#change(async (log, tx) => {
      const found = nextClosed(log, after);
      return found && batch(found.epoch, found.seq, await tx.records(found.epoch.id, found.seq));
    }, false);
  }

  /** Forgets the batches up to a position: they are on the server's disk. */
  acknowledge({ epoch: id, seq }: Position): Promise<Log> {
    return this.#change(async (log, tx) => {
      const epoch = log.epochs.find((e) => e.id === id);
      if (!epoch || seq <= epoch.acknowledged) return log;
      const removed = await tx.remove(id, seq);
      epoch.acknowledged = seq;
      log.samples -= removed.samples;
      log.bytes -= removed.bytes;
      forgetDone(log);
      return log;
    });
  }

  /** Gives what is left of an epoch a new stream: the server does not know the old one any more. */
  renewStream(id: number): Promise<Log> {
    return this.#change((log) => {
      const epoch = log.epochs.find((e) => e.id === id);
      if (epoch) {
        epoch.stream = crypto.randomUUID();
        epoch.base = epoch.acknowledged;
      }
      return Promise.resolve(log);
    });
  }

  #change<T>(work: (log: Log, tx: StoreTransaction) => Promise<T>, write = true): Promise<T> {
    return this.#store.transaction(this.sensorId, async (tx) => {
      const log = (await tx.log()) ?? newLog(this.sensorId);
      const result = await work(log, tx);
      if (write) await tx.setLog(log);
      return result;
    });
  }
}

/** Which closed batch is the first behind a position that is not acknowledged. */
export function nextClosed(log: Log, after: Position): { epoch: Epoch; seq: number } | undefined {
  for (const epoch of log.epochs) {
    if (epoch.id < after.epoch) continue;
    const seq = Math.max(epoch.acknowledged, epoch.id === after.epoch ? after.seq : 0) + 1;
    if (seq < epoch.open) return { epoch, seq };
  }
  return undefined;
}

export const isNumbers = (block: Block) => "values" in block;

/** How many samples blocks hold, and how many bytes they are counted as. */
export function sizeOf(blocks: readonly Block[]): { samples: number; bytes: number } {
  let samples = 0;
  let bytes = 0;
  for (const block of blocks) {
    samples += block.times.length;
    bytes += 16 * block.times.length;
    if ("payloads" in block) for (const payload of block.payloads) bytes += documentBytes(payload);
  }
  return { samples, bytes };
}

const encoder = new TextEncoder();

/** The size of a document as JSON. */
export function documentBytes(payload: unknown): number {
  return encoder.encode(JSON.stringify(payload)).length;
}

function newLog(sensorId: string): Log {
  return { sensorId, epochs: [newEpoch(1)], openSamples: 0, openBytes: 0, openRecords: 0, openNumbers: true, samples: 0, bytes: 0, registration: undefined };
}

function newEpoch(id: number): Epoch {
  return { id, stream: crypto.randomUUID(), base: 0, acknowledged: 0, open: 1 };
}

function lastEpoch(log: Log): Epoch {
  const last = log.epochs.at(-1);
  if (!last) throw new Error(`the outbox of ${log.sensorId} has no epoch`);
  return last;
}

function closeOpen(log: Log): void {
  if (log.openRecords === 0) return;
  lastEpoch(log).open++;
  log.openRecords = log.openSamples = log.openBytes = 0;
}

/** Drops the epochs of which everything is acknowledged; the last one stays. */
function forgetDone(log: Log): void {
  log.epochs = log.epochs.filter((e, i) => i === log.epochs.length - 1 || e.acknowledged < e.open - 1);
}

function batch(epoch: Epoch, seq: number, records: LogRecord[]): Batch {
  return { epoch: epoch.id, seq, stream: epoch.stream, streamSeq: seq - epoch.base, blocks: records.flatMap((r) => r.blocks) };
}
