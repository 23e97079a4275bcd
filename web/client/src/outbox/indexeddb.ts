import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import { Leads, Watchers } from "./queue.js";
import type { Log, LogRecord, OutboxStore, StoreTransaction } from "./store.js";

interface Schema extends DBSchema {
  logs: { key: string; value: Log };
  records: { key: [sensorId: string, epoch: number, seq: number, n: number]; value: LogRecord };
}

type Transaction = IDBPTransaction<Schema, ["logs", "records"], "readwrite">;

class IndexedDBTransaction implements StoreTransaction {
  #tx: Transaction;
  #sensorId: string;

  constructor(tx: Transaction, sensorId: string) {
    this.#tx = tx;
    this.#sensorId = sensorId;
  }

  log = () => this.#tx.objectStore("logs").get(this.#sensorId);

  async setLog(log: Log): Promise<void> {
    await this.#tx.objectStore("logs").put(log, this.#sensorId);
  }

  async put(record: LogRecord): Promise<void> {
    await this.#tx.objectStore("records").add(record, [this.#sensorId, record.epoch, record.seq, record.n]);
  }

  records(epoch: number, seq: number): Promise<LogRecord[]> {
    const range = IDBKeyRange.bound([this.#sensorId, epoch, seq, 0], [this.#sensorId, epoch, seq, Infinity]);
    return this.#tx.objectStore("records").getAll(range);
  }

  async remove(epoch: number, seq: number): Promise<{ samples: number; bytes: number }> {
    const range = IDBKeyRange.bound([this.#sensorId, epoch, 0, 0], [this.#sensorId, epoch, seq, Infinity]);
    const removed = { samples: 0, bytes: 0 };
    let cursor = await this.#tx.objectStore("records").openCursor(range);
    while (cursor) {
      removed.samples += cursor.value.samples;
      removed.bytes += cursor.value.bytes;
      await cursor.delete();
      cursor = await cursor.continue();
    }
    return removed;
  }
}

/**
 * Outboxes in IndexedDB: they outlive a reload, a crashed tab and a restart of the
 * browser. Tabs share them: every tab may add, and one at a time sends. For that
 * the page needs Web Locks, that is https or localhost.
 */
export class IndexedDBStore implements OutboxStore {
  #name: string;
  #db: Promise<IDBPDatabase<Schema>> | undefined;
  #channel: BroadcastChannel | undefined;
  #watchers = new Watchers();
  #leads = new Leads();

  /** The name of the database; one for each account that uses the page. */
  constructor(name = "sensocto-outbox") {
    this.#name = name;
    if (typeof BroadcastChannel === "undefined") return;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#watchers.announce(String(data));
    (this.#channel as { unref?: () => void }).unref?.(); // in Node it would keep the process
  }

  async transaction<T>(sensorId: string, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const db = await this.#open();
    const tx = db.transaction(["logs", "records"], "readwrite");
    try {
      const result = await work(new IndexedDBTransaction(tx, sensorId));
      await tx.done;
      return result;
    } catch (err) {
      tx.done.catch(() => undefined); // it is the same error, or says that it was aborted
      abort(tx);
      throw err;
    }
  }

  async logs(): Promise<Log[]> {
    return (await this.#open()).getAll("logs");
  }

  lead(sensorId: string, signal: AbortSignal): Promise<void> {
    const locks = globalThis.navigator?.locks;
    if (!locks) return this.#leads.lead(sensorId, signal);
    return new Promise((resolve, reject) => {
      locks
        .request(`${this.#name}:${sensorId}`, { signal }, () => {
          resolve();
          return new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
        })
        .catch(reject);
    });
  }

  announce(sensorId: string): void {
    this.#channel?.postMessage(sensorId);
  }

  watch = (sensorId: string, changed: () => void) => this.#watchers.watch(sensorId, changed);

  async close(): Promise<void> {
    this.#channel?.close();
    this.#channel = undefined;
    const db = this.#db;
    this.#db = undefined;
    (await db?.catch(() => undefined))?.close();
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    this.#db ??= openDB<Schema>(this.#name, 1, {
      upgrade(db) {
        db.createObjectStore("logs");
        db.createObjectStore("records");
      },
      // Another tab has a newer version of the page: it must not wait for this one.
      blocking: () => void this.close(),
      terminated: () => (this.#db = undefined),
    }).catch((err: unknown) => {
      this.#db = undefined;
      throw err;
    });
    return this.#db;
  }
}

function abort(tx: Transaction): void {
  try {
    tx.abort();
  } catch {
    // it is over already
  }
}
