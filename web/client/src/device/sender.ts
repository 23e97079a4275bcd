import { NoReplyError, ReplyError } from "../errors.js";
import { type Json, list, number } from "../guards.js";
import { type Batch, nextClosed, type Position } from "../outbox/log.js";
import type { Topic } from "../topic.js";
import { encodeBatch } from "./encode.js";
import type { Outbox } from "./outbox.js";

/** Measurements that the server will never take. */
export interface Rejection {
  samples: number;
  /** Where in the batch, and why; the first ten. */
  errors: readonly Json[];
}

export interface SenderHooks {
  rejected: (rejection: Rejection) => void;
  /** The server has forgotten the stream: what was sent of it and not acknowledged may be there twice. */
  forgotten: (batches: number) => void;
  failed: (error: Error) => void;
  acknowledged: () => void;
}

const windowSize = 32; // batches under way
const start: Position = { epoch: 0, seq: 0 };
const temporary = new Set(["unavailable", "rate_limited", "internal", "unmatched topic", "too_slow"]);

/**
 * Sends the closed batches of a log in order, several at a time, and forgets what
 * the server acknowledges. Whatever goes wrong, it goes on with the first batch
 * that is not acknowledged: the server knows by its number whether it has it.
 */
export class Sender {
  #outbox: Outbox;
  #topic: Topic;
  #hooks: SenderHooks;
  #position = start; // of what was sent last
  #generation = 0; // of sending: replies to an earlier one do not move the position
  #underWay = 0;
  #running = false;
  #again = false;
  #retries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #acknowledged: Position[] = [];
  #acknowledging: Promise<void> | undefined;
  #stopped = false;

  constructor(outbox: Outbox, topic: Topic, hooks: SenderHooks) {
    this.#outbox = outbox;
    this.#topic = topic;
    this.#hooks = hooks;
    outbox.on("flush", () => this.kick());
    outbox.on("log", () => this.kick());
  }

  /** Goes back to the first batch that is not acknowledged, after a join. */
  restart(): void {
    this.#rewind(start);
  }

  kick(): void {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#run()
      .catch((err: unknown) => this.#pauseAfter(err instanceof Error ? err : new Error(String(err))))
      .finally(() => {
        this.#running = false;
        if (!this.#again) return;
        this.#again = false;
        this.kick();
      });
  }

  /** Stops sending, and waits until the acknowledgements that came are noted. */
  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#acknowledging;
  }

  get #able(): boolean {
    return !this.#stopped && this.#timer === undefined && this.#topic.joined && !this.#outbox.paused && this.#underWay < windowSize;
  }

  get #closedWaits(): boolean {
    const { state } = this.#outbox;
    return state !== undefined && nextClosed(state, this.#position) !== undefined;
  }

  async #run(): Promise<void> {
    while (this.#able) {
      const generation = this.#generation;
      const batch = await this.#nextBatch();
      if (generation !== this.#generation) continue;
      if (!batch || !this.#able) return;
      this.#position = { epoch: batch.epoch, seq: batch.seq };
      this.#underWay++;
      void this.#send(batch, generation).finally(() => {
        this.#underWay--;
        this.kick();
      });
    }
  }

  /** The next closed batch; the open one is closed for it where a flush was asked for. */
  async #nextBatch(): Promise<Batch | undefined> {
    if (!this.#closedWaits && this.#outbox.flushWanted) await this.#outbox.closeBatch();
    return this.#closedWaits ? this.#outbox.log.next(this.#position) : undefined;
  }

  async #send(batch: Batch, generation: number): Promise<void> {
    try {
      await this.#topic.push("measurements", encodeBatch(batch));
      this.#acknowledge(batch);
    } catch (err) {
      this.#failed(batch, generation, err);
    }
  }

  #failed(batch: Batch, generation: number, err: unknown): void {
    if (err instanceof ReplyError && err.reason === "invalid_batch") {
      this.#hooks.rejected({ samples: number(err.response["failed_count"]), errors: list(err.response["errors"]) as Json[] });
      this.#acknowledge(batch); // its good measurements are kept, and its number counts
      return;
    }
    if (generation !== this.#generation || this.#topic.over || this.#stopped) return;
    if (err instanceof ReplyError && err.reason === "gap") void this.#gap(batch, number(err.response["expected"]));
    else if (err instanceof NoReplyError) this.#rewind(before(batch)); // where the connection is away, the join goes on
    else if (err instanceof ReplyError && temporary.has(err.reason)) this.#retryAfter(before(batch));
    else this.#hooks.failed(err instanceof Error ? err : new Error(String(err)));
  }

  /** The server misses batches before this one. */
  async #gap(batch: Batch, expected: number): Promise<void> {
    this.#generation++; // what is under way behind it is refused as well
    const state = await this.#outbox.log.state();
    const epoch = state.epochs.find((e) => e.id === batch.epoch);
    if (epoch && epoch.base + expected <= epoch.acknowledged) {
      this.#hooks.forgotten(epoch.open - 1 - epoch.acknowledged);
      this.#outbox.update(await this.#outbox.log.renewStream(batch.epoch));
    }
    this.#rewind(start);
  }

  #rewind(position: Position): void {
    this.#generation++;
    this.#position = position;
    this.kick();
  }

  #retryAfter(position: Position): void {
    this.#retries++;
    clearTimeout(this.#timer);
    const wait = Math.min(250 * 2 ** this.#retries, 10_000) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#rewind(position);
    }, wait);
  }

  /** The store could not be read. */
  #pauseAfter(err: Error): void {
    if (this.#stopped) return;
    this.#hooks.failed(err);
    this.#retryAfter(start);
  }

  // Acknowledgements that come while one is noted are noted together.
  #acknowledge(position: Position): void {
    if (this.#stopped) return; // it is acknowledged again when it is sent again
    this.#retries = 0;
    this.#acknowledged.push(position);
    this.#acknowledging ??= this.#note().finally(() => (this.#acknowledging = undefined));
  }

  async #note(): Promise<void> {
    while (this.#acknowledged.length > 0) {
      const upTo = new Map<number, number>();
      for (const { epoch, seq } of this.#acknowledged.splice(0)) upTo.set(epoch, Math.max(seq, upTo.get(epoch) ?? 0));
      for (const [epoch, seq] of upTo) {
        try {
          this.#outbox.update(await this.#outbox.log.acknowledge({ epoch, seq }));
          this.#hooks.acknowledged();
        } catch {
          // It is acknowledged again when it is sent again.
        }
      }
    }
  }
}

const before = ({ epoch, seq }: Position): Position => ({ epoch, seq: seq - 1 });
