import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, unlinkSync, writeSync } from "node:fs";
import { type FileHandle, open, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MemoryLog, MemoryTransaction, type Writes } from "./memory.js";
import { KeyedQueue, Leads, Watchers } from "./queue.js";
import type { Block, Log, LogRecord, OutboxStore, StoreTransaction } from "./store.js";

const extension = ".outbox";
const rewriteFrom = 1 << 20; // bytes of a file

interface SensorFile {
  state: MemoryLog;
  file: FileHandle;
  path: string;
  size: number;
  rewritten: number; // its size after the last rewrite
}

/**
 * Outboxes in a directory, one file a sensor: they outlive the process and a power
 * cut. A file has a line for each transaction, which is on the disk before the
 * transaction is done. The directory is for one process at a time. What is not
 * acknowledged is in memory, too.
 */
export class FileStore implements OutboxStore {
  #directory: string;
  #lock: string;
  #files = new Map<string, SensorFile>();
  #queue = new KeyedQueue();
  #leads = new Leads();
  #watchers = new Watchers();
  #closed = false;

  /** Makes the directory where it is missing. It throws where another process uses it. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#lock = join(realpathSync(directory), "lock");
    lock(this.#lock);
  }

  transaction<T>(sensorId: string, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#queue.run(sensorId, async () => {
      if (this.#closed) throw new Error(`the store in ${this.#directory} is closed`);
      const file = this.#files.get(sensorId) ?? (await this.#open(sensorId));
      const tx = new MemoryTransaction(file.state);
      const result = await work(tx);
      if (tx.writes.log || tx.writes.put.length > 0) await this.#write(file, tx.writes);
      return result;
    });
  }

  async logs(): Promise<Log[]> {
    const names = await readdir(this.#directory);
    const ids = names.filter((name) => name.endsWith(extension)).map((name) => decodeURIComponent(name.slice(0, -extension.length)));
    const logs = await Promise.all(ids.map((id) => this.transaction(id, (tx) => tx.log())));
    return logs.filter((log) => log !== undefined);
  }

  lead = (sensorId: string, signal: AbortSignal) => this.#leads.lead(sensorId, signal);
  announce = (sensorId: string) => this.#watchers.announce(sensorId);
  watch = (sensorId: string, changed: () => void) => this.#watchers.watch(sensorId, changed);

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#files].map(([id, { file }]) => this.#queue.run(id, () => file.close())));
    unlinkSync(this.#lock);
    held.delete(this.#lock);
  }

  async #open(sensorId: string): Promise<SensorFile> {
    const path = join(this.#directory, encodeURIComponent(sensorId) + extension);
    const file = await open(path, "a+", 0o600);
    try {
      const { state, size } = replay(await file.readFile("utf8"), path);
      await file.truncate(size); // a line that a crash has cut off was never done
      await syncDirectory(this.#directory);
      const opened = { state, file, path, size, rewritten: size };
      this.#files.set(sensorId, opened);
      return opened;
    } catch (err) {
      await file.close();
      throw err;
    }
  }

  async #write(to: SensorFile, writes: Writes): Promise<void> {
    const line = format(writes);
    try {
      await to.file.appendFile(line);
      await to.file.datasync();
    } catch (err) {
      await to.file.truncate(to.size); // no later line stands behind a half
      throw err;
    }
    to.size += Buffer.byteLength(line);
    to.state.apply(writes);
    if (to.size > rewriteFrom && to.size > 4 * to.rewritten) await this.#rewrite(to);
  }

  /** Writes the file anew, without what is acknowledged. */
  async #rewrite(old: SensorFile): Promise<void> {
    const next = `${old.path}.new`;
    const line = format({ log: old.state.log!, put: [...old.state.all()], removed: [] });
    await writeFile(next, line, { mode: 0o600, flush: true });
    await rename(next, old.path);
    await syncDirectory(this.#directory);
    await old.file.close();
    old.file = await open(old.path, "a+", 0o600);
    old.size = old.rewritten = Buffer.byteLength(line);
  }
}

/** Makes sure that the names of new files are on the disk, too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  await directory.sync();
  await directory.close();
}

const held = new Set<string>(); // the locks of this process

/** Takes the lock of a directory, also that of a process that is gone. */
function lock(path: string): void {
  for (;;) {
    try {
      const file = openSync(path, "wx", 0o600);
      writeSync(file, String(process.pid));
      closeSync(file);
      held.add(path);
      return;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
    }
    const pid = Number(readFileSync(path, "utf8"));
    if (pid !== process.pid && alive(pid)) throw new Error(`${path}: process ${pid} uses this outbox; give each process a directory of its own`);
    if (held.has(path)) throw new Error(`${path}: this process has that outbox open already; share the store`);
    unlinkSync(path);
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Reads the lines of a file. What stands behind the last line was cut off by a crash, and was never done. */
function replay(text: string, path: string): { state: MemoryLog; size: number } {
  const state = new MemoryLog();
  let at = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
    try {
      state.apply(parse(text.slice(at, end)));
    } catch (err) {
      throw new Error(`${path} is damaged at character ${at}: keep a copy of the file, and remove it or all from there on`, { cause: err });
    }
    at = end + 1;
  }
  return { state, size: Buffer.byteLength(text.slice(0, at)) };
}

interface LineBlock {
  a: string;
  t: string; // base64 of float64, as v
  v?: string;
  p?: unknown[];
}

function format({ log, put, removed }: Writes): string {
  const line = { log, put: put.map((r) => ({ ...r, blocks: r.blocks.map(formatBlock) })), removed };
  return `${JSON.stringify(line)}\n`;
}

function parse(line: string): Writes {
  const { log, put, removed } = JSON.parse(line) as Omit<Writes, "put"> & { put: (Omit<LogRecord, "blocks"> & { blocks: LineBlock[] })[] };
  return { ...(log && { log }), put: put.map((r) => ({ ...r, blocks: r.blocks.map(parseBlock) })), removed };
}

function formatBlock(block: Block): LineBlock {
  const head = { a: block.attributeId, t: base64(block.times) };
  return "values" in block ? { ...head, v: base64(block.values) } : { ...head, p: block.payloads };
}

function parseBlock({ a, t, v, p }: LineBlock): Block {
  const head = { attributeId: a, times: floats(t) };
  return v === undefined ? { ...head, payloads: p ?? [] } : { ...head, values: floats(v) };
}

const base64 = (values: Float64Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");

const floats = (text: string) => new Float64Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
