import { KeyedQueue, Leads, Watchers } from "./queue.js";
import type { Log, LogRecord, OutboxStore, StoreTransaction } from "./store.js";

const clone = <T>(value: T): T => structuredClone(value);

/** One sensor's log in memory. */
export interface MemoryLog {
  log: Log | undefined;
  records: LogRecord[]; // by epoch, seq and n
}

/** A transaction on a log in memory; what it wrote is in `writes` until it is kept. */
export class MemoryTransaction implements StoreTransaction {
  #state: MemoryLog;
  #log: Log | undefined;
  #records: LogRecord[];

  constructor(state: MemoryLog) {
    this.#state = state;
    this.#log = state.log && clone(state.log);
    this.#records = state.records;
  }

  log = () => Promise.resolve(this.#log && clone(this.#log));

  setLog(log: Log): Promise<void> {
    this.#log = clone(log);
    return Promise.resolve();
  }

  put(record: LogRecord): Promise<void> {
    this.#records = [...this.#records, clone(record)];
    return Promise.resolve();
  }

  records(epoch: number, seq: number): Promise<LogRecord[]> {
    return Promise.resolve(this.#records.filter((r) => r.epoch === epoch && r.seq === seq).map(clone));
  }

  remove(epoch: number, seq: number): Promise<{ samples: number; bytes: number }> {
    const removed = { samples: 0, bytes: 0 };
    this.#records = this.#records.filter((r) => {
      if (r.epoch !== epoch || r.seq > seq) return true;
      removed.samples += r.samples;
      removed.bytes += r.bytes;
      return false;
    });
    return Promise.resolve(removed);
  }

  /** Keeps what the transaction wrote. */
  commit(): void {
    this.#state.log = this.#log;
    this.#state.records = this.#records;
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
      const state = this.#sensors.get(sensorId) ?? { log: undefined, records: [] };
      const tx = new MemoryTransaction(state);
      const result = await work(tx);
      tx.commit();
      this.#sensors.set(sensorId, state);
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
