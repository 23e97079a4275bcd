import { Socket, type SocketConnectOption } from "phoenix";
import { Emitter } from "./emitter.js";

export type ConnectionState = "connecting" | "open" | "closed";

export interface ConnectionEvent {
  state: ConnectionState;
  /** How the connection ended: the close code and its reason (docs/protocol.md). */
  code?: number;
  reason?: string;
}

export interface ConnectionOptions {
  /** The server, such as `https://sensors.example.org`. */
  url: string;
  /**
   * A token, or a function that returns the present one: it is asked at every
   * connect. In a browser that has a session no token is needed.
   */
  token?: string | (() => string | undefined);
  /** The WebSocket to use where there is none: in Node 20 that of the `ws` package. */
  transport?: new (url: string, protocols?: string | string[]) => object;
  /** How long to wait for an answer, in ms; 10 s by default. */
  timeout?: number;
}

// The phoenix client gives up reconnecting while its page is hidden. A device
// in such a page goes on measuring, so its connection has to come back.
class BackgroundSocket extends Socket {
  get pageHidden(): boolean {
    return false;
  }
}

/** How long a connection without topics stays, in ms: often another one is opened at once. */
const restAfterMs = 1000;

/** The one WebSocket of a client. It connects with the first topic, reconnects by itself, and ends with the last topic. */
export class Connection extends Emitter<{ state: ConnectionEvent }> {
  readonly socket: Socket;
  readonly timeout: number;
  #state: ConnectionState = "closed";
  #topics = new Map<string, { leave(): Promise<void> }>();
  #over = false;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectionOptions) {
    super();
    this.timeout = options.timeout ?? 10_000;
    this.socket = new BackgroundSocket(`${options.url.replace(/^http/, "ws").replace(/\/+$/, "")}/socket`, {
      timeout: this.timeout,
      transport: transport(options),
      reconnectAfterMs: jittered([50, 100, 250, 500, 1000, 2000, 5000]),
      rejoinAfterMs: jittered([100, 500, 1000, 2000, 5000]),
      ...authToken(options.token),
    });
    this.socket.onOpen(() => this.#become({ state: "open" }));
    this.socket.onClose((event) => {
      if (this.#state === "closed" || this.socket.isConnected()) return; // an earlier one, which was told of
      this.#become({ state: this.#over ? "closed" : "connecting", code: event.code, reason: event.reason });
    });
    globalThis.addEventListener?.("online", this.#networkBack);
  }

  // What was open when the network went away waits for seconds until it sends again,
  // if it ever does: a new connection is there at once.
  #networkBack = (): void => {
    if (this.#state === "closed" || this.#over) return;
    this.socket.disconnect();
    this.socket.connect();
  };

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, if that is not done yet. Each topic is open once: a second one would replace the first. */
  open(name: string, topic: { leave(): Promise<void> }): void {
    if (this.#over) throw new Error("the client is closed: make a new one");
    if (this.#topics.has(name)) throw new Error(`${name} is open already: share that object, or close it first`);
    this.#topics.set(name, topic);
    clearTimeout(this.#rest);
    if (this.#state !== "closed") return;
    this.#become({ state: "connecting" });
    this.socket.connect();
  }

  release(name: string): void {
    this.#topics.delete(name);
    clearTimeout(this.#rest);
    if (this.#topics.size === 0 && !this.#over) this.#rest = setTimeout(() => this.#disconnect(), restAfterMs);
  }

  /** The server ends connections without topics; coming back to it would be for nothing. */
  #disconnect(): void {
    this.#become({ state: "closed" });
    this.socket.disconnect();
  }

  /** Leaves all topics and disconnects. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    globalThis.removeEventListener?.("online", this.#networkBack);
    clearTimeout(this.#rest);
    await Promise.all([...this.#topics.values()].map((topic) => topic.leave()));
    await new Promise<void>((resolve) => this.socket.disconnect(resolve));
    this.#become({ state: "closed" });
    this.removeAllListeners();
  }

  #become(event: ConnectionEvent): void {
    if (event.state === this.#state && event.code === undefined) return;
    this.#state = event.state;
    this.emit("state", event);
  }
}

function transport(options: ConnectionOptions): SocketConnectOption["transport"] {
  const found = options.transport ?? globalThis.WebSocket;
  if (found === undefined) {
    throw new Error('there is no WebSocket here: install "ws" and pass { transport: WebSocket } of it');
  }
  return found as SocketConnectOption["transport"];
}

/** Waits, spread over half of their time, so that clients do not come back all at once. */
function jittered(waits: number[]): (tries: number) => number {
  return (tries) => (waits[Math.min(tries, waits.length) - 1] ?? 0) * (0.75 + Math.random() / 2);
}

function authToken(token: ConnectionOptions["token"]): { authToken?: string } {
  if (token === undefined || token === "") return {};
  // A function is fine at run time: the client asks it at every connect.
  return { authToken: token as string };
}
