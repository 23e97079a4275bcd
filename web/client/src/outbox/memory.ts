import { KeyedQueue, Leads, Watchers } from "./queue.js";
import type { Log, LogRecord, OutboxStore, StoreTransaction } from "./store.js";

const clone = <T>(value: T): T => structuredClone(value);

/** One sensor's log in memory. */
export class MemoryLog {
  log: Log | undefined;
  #batches = new Map<string, LogRecord[]>(); // in the order of their first record

  /** The records of one batch, in order. */
  records(epoch: number, seq: number): readonly LogRecord[] {
    return this.#batches.get(key(epoch, seq)) ?? [];
  }

  *all(): Generator<LogRecord> {
    for (const records of this.#batches.values()) yield* records;
  }

  apply({ log, put, removed }: Writes): void {
    if (log) this.log = log;
    for (const record of put) {
      const batch = this.#batches.get(key(record.epoch, record.seq));
      if (batch) batch.push(record);
      else this.#batches.set(key(record.epoch, record.seq), [record]);
    }
    for (const [epoch, seq] of removed) for (const k of this.#upTo(epoch, seq)) this.#batches.delete(k);
  }

  /** The samples and bytes of an epoch's batches up to a seq. */
  sizeUpTo(epoch: number, seq: number): { samples: number; bytes: number } {
    const size = { samples: 0, bytes: 0 };
    for (const k of this.#upTo(epoch, seq)) {
      for (const record of this.#batches.get(k) ?? []) {
        size.samples += record.samples;
        size.bytes += record.bytes;
      }
    }
    return size;
  }

  #upTo(epoch: number, seq: number): string[] {
    const keys: string[] = [];
    for (const [k, [first]] of this.#batches) {
      if (first!.epoch > epoch || (first!.epoch === epoch && first!.seq > seq)) break; // those behind are later
      if (first!.epoch === epoch) keys.push(k);
    }
    return keys;
  }
}

const key = (epoch: number, seq: number) => `${epoch}:${seq}`;

/** What a transaction wrote. */
export interface Writes {
  log?: Log;
  put: LogRecord[];
  removed: [epoch: number, seq: number][];
}

/** A transaction on a log in memory: it reads the log, and collects what is to be written. */
export class MemoryTransaction implements StoreTransaction {
  readonly writes: Writes = { put: [], removed: [] };
  #state: MemoryLog;

  constructor(state: MemoryLog) {
    this.#state = state;
  }

  log(): Promise<Log | undefined> {
    const log = this.writes.log ?? this.#state.log;
    return Promise.resolve(log && clone(log));
  }

  setLog(log: Log): Promise<void> {
    this.writes.log = clone(log);
    return Promise.resolve();
  }

  put(record: LogRecord): Promise<void> {
    this.writes.put.push(clone(record));
    return Promise.resolve();
  }

  records(epoch: number, seq: number): Promise<LogRecord[]> {
    const put = this.writes.put.filter((r) => r.epoch === epoch && r.seq === seq);
    return Promise.resolve([...this.#state.records(epoch, seq), ...put].map(clone));
  }

  remove(epoch: number, seq: number): Promise<{ samples: number; bytes: number }> {
    this.writes.removed.push([epoch, seq]);
    return Promise.resolve(this.#state.sizeUpTo(epoch, seq));
  }
}

/** Outboxes in memory: they end with the page or the process. */
export class MemoryStore implements OutboxStore {
  #sensors = new Map<string, MemoryLog>();
  #queue = new KeyedQueue();
  #leads = new Leads();
  #watchers = new Watchers();

  transaction<T>(sensorId: string, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#queue.run(sensorId, async () => {
      const state = this.#sensors.get(sensorId) ?? new MemoryLog();
      this.#sensors.set(sensorId, state);
      const tx = new MemoryTransaction(state);
      const result = await work(tx);
      state.apply(tx.writes);
      return result;
    });
  }

  logs(): Promise<Log[]> {
    return Promise.resolve([...this.#sensors.values()].flatMap(({ log }) => (log ? [clone(log)] : [])));
  }

  lead = (sensorId: string, signal: AbortSignal) => this.#leads.lead(sensorId, signal);
  announce = (sensorId: string) => this.#watchers.announce(sensorId);
  watch = (sensorId: string, changed: () => void) => this.#watchers.watch(sensorId, changed);
  close = () => Promise.resolve();
}
