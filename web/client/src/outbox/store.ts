/** Samples of one attribute to send: numbers in `values`, or other JSON in `payloads`. */
export type Block = { attributeId: string; times: Float64Array } & ({ values: Float64Array } | { payloads: unknown[] });

/** What one append added to a batch. */
export interface LogRecord {
  epoch: number;
  seq: number;
  n: number; // its place in the batch
  blocks: Block[];
  samples: number;
  bytes: number;
}

/**
 * A run of batches under one stream id (docs/protocol.md, section 5). Batch `seq`
 * goes out as number `seq - base` of the stream.
 */
export interface Epoch {
  id: number;
  stream: string;
  base: number;
  /** Batches up to here are on the server's disk. */
  acknowledged: number;
  /** The batch that appends go to. Those before it are closed: they do not change any more. */
  open: number;
}

/** Everything about one sensor's outbox but the samples. */
export interface Log {
  sensorId: string;
  /** Oldest first; appends go to the last one. */
  epochs: Epoch[];
  /** In the open batch. */
  openSamples: number;
  openBytes: number;
  openRecords: number;
  /** Whether that batch is of numbers, which go out as columns, or of documents, which go out as JSON. */
  openNumbers: boolean;
  /** In all batches that are not acknowledged. */
  samples: number;
  bytes: number;
  /** How the sensor was registered, so that it can be joined again to send the rest. */
  registration: unknown;
}

/** Reads and writes one sensor's log. Between two calls nothing but the transaction's own results may be awaited. */
export interface StoreTransaction {
  log(): Promise<Log | undefined>;
  setLog(log: Log): Promise<void>;
  put(record: LogRecord): Promise<void>;
  /** The records of one batch, in order. */
  records(epoch: number, seq: number): Promise<LogRecord[]>;
  /** Removes the records of the batches up to a seq, and returns what they held. */
  remove(epoch: number, seq: number): Promise<{ samples: number; bytes: number }>;
}

/** Where outboxes are kept. Transactions on one sensor run one after the other, in all tabs and processes. */
export interface OutboxStore {
  /** Runs the work. All that it wrote is kept, or nothing where it fails. */
  transaction<T>(sensorId: string, work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  /** The logs of all sensors. */
  logs(): Promise<Log[]>;
  /**
   * Waits until nobody else sends the sensor's samples. The lead is held until the
   * signal aborts, or its holder is gone.
   */
  lead(sensorId: string, signal: AbortSignal): Promise<void>;
  /** Tells the other tabs that a log has changed. */
  announce(sensorId: string): void;
  /** Calls back when another tab has announced a change. */
  watch(sensorId: string, changed: () => void): () => void;
  close(): Promise<void>;
}
