import type { Channel } from "phoenix";
import type { Connection } from "./connection.js";
import { ClosedError, NoReplyError, ReplyError } from "./errors.js";
import { type Json, object, text } from "./guards.js";

export interface TopicOptions {
  /** What a join brings; it is asked again at each rejoin. */
  params?: () => object;
  /** After each join, the first and those after a reconnect. */
  onJoin?: (response: Json) => void;
  /** The channel is not joined at present; a rejoin follows. */
  onDown?: () => void;
  /** The server ended the topic or refuses it for good. */
  onEnd?: (error: Error) => void;
  events?: Record<string, (payload: unknown) => void>;
}

interface Waiter {
  resolve: () => void;
  reject: (error: Error) => void;
}

// With these a join is tried again; any other refusal is for good.
const temporary = new Set(["unavailable", "rate_limited", "internal", "too_slow"]);

/** One joined topic: promises around the official client's channel. */
export class Topic {
  readonly name: string;
  #connection: Connection;
  #options: TopicOptions;
  #channel: Channel;
  #over: Error | undefined;
  #joins: Waiter[] = []; // who waits for a join
  #pending = new Set<() => void>(); // who waits for an answer

  constructor(connection: Connection, name: string, options: TopicOptions) {
    this.name = name;
    this.#connection = connection;
    this.#options = options;
    connection.open(name, this);
    this.#channel = connection.socket.channel(name, options.params ?? {});
    for (const [event, handle] of Object.entries(options.events ?? {})) this.#channel.on(event, handle);
    this.#channel.onError(() => this.#down());
    this.#channel.onClose(() => this.#end(new ClosedError(name, "was ended by the server")));
    this.#channel
      .join(connection.timeout)
      .receive("ok", (response) => this.#joined(object(response)))
      .receive("error", (response) => this.#refused(object(response)));
  }

  // While a connection closes, its channels count as joined a moment longer, and
  // pushes would wait for the next one, behind what that is told first.
  get joined(): boolean {
    return this.#channel.state === "joined" && this.#connection.socket.isConnected() && this.#over === undefined;
  }

  /** Why the topic is over, undefined while it is not. */
  get over(): Error | undefined {
    return this.#over;
  }

  /** Resolves when the topic is joined, and rejects when it is over. */
  whenJoined(): Promise<void> {
    if (this.#over) return Promise.reject(this.#over);
    if (this.joined) return Promise.resolve();
    return new Promise((resolve, reject) => this.#joins.push({ resolve, reject }));
  }

  /** Pushes once the topic is joined, and returns the answer. */
  async request(event: string, payload: object = {}): Promise<Json> {
    await this.whenJoined();
    return this.push(event, payload);
  }

  /** Pushes now and returns the answer. An `ArrayBuffer` goes out as a binary frame. */
  push(event: string, payload: object): Promise<Json> {
    const request = `${event} on ${this.name}`;
    if (this.#over) return Promise.reject(this.#over);
    if (!this.joined) return Promise.reject(new NoReplyError(request, "disconnected"));
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => () => {
        this.#pending.delete(broken);
        done();
      };
      const broken = () => reject(this.#over ?? new NoReplyError(request, "disconnected"));
      this.#pending.add(broken);
      this.#channel
        .push(event, payload, this.#connection.timeout)
        .receive("ok", (response) => settle(() => resolve(object(response)))())
        .receive("error", (response) => settle(() => reject(replyError(request, object(response))))())
        .receive("timeout", settle(() => reject(new NoReplyError(request, "timeout"))));
    });
  }

  /** Leaves the topic. What still waits for an answer is rejected. */
  leave(): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#end(new ClosedError(this.name), false);
    return new Promise((resolve) => {
      const done = () => resolve();
      this.#channel.leave(1000).receive("ok", done).receive("timeout", done).receive("error", done);
    });
  }

  #joined(response: Json): void {
    if (this.#over) return;
    this.#options.onJoin?.(response);
    for (const waiter of this.#joins.splice(0)) waiter.resolve();
  }

  #refused(response: Json): void {
    const error = replyError(`join ${this.name}`, response);
    if (temporary.has(error.reason)) return;
    this.#end(error);
    this.#channel.leave(); // it would ask again for ever
  }

  #down(): void {
    for (const broken of [...this.#pending]) broken();
    this.#pending.clear();
    if (!this.#over) this.#options.onDown?.();
  }

  #end(error: Error, tell = true): void {
    if (this.#over) return;
    this.#over = error;
    this.#connection.release(this.name);
    this.#down();
    for (const waiter of this.#joins.splice(0)) waiter.reject(error);
    if (tell) this.#options.onEnd?.(error);
  }
}

function replyError(request: string, response: Json): ReplyError {
  return new ReplyError(request, text(response["reason"]) || "unknown", response);
}
