import type { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { isObject } from "./guards.js";

/** One question for the server's time: four times in ms since 1970, the first and the last of this clock. */
export interface Exchange {
  asked: number;
  received: number;
  sent: number;
  answered: number;
}

/** How this clock stands to the server's, in ms. */
export interface ClockReading {
  /** What has to be added to this clock. */
  offset: number;
  /** How far off the offset is at most. */
  error: number;
}

const drift = 50e-6; // of a clock of quartz, by which an old reading gets worse
const kept = 32;
const burst = 8;
const burstEvery = 250; // ms
const askEvery = 15_000;
const resolution = 0.1; // of clocks in browsers, in ms

/**
 * The best of some exchanges: the one whose answer came soonest knows most, since
 * what the two ways took unequally is at most half of what both took together.
 */
export function readClock(exchanges: readonly Exchange[], now: number): ClockReading | undefined {
  let best: ClockReading | undefined;
  for (const e of exchanges) {
    const delay = Math.max(0, e.answered - e.asked - (e.sent - e.received));
    const error = delay / 2 + Math.abs(now - e.answered) * drift + resolution;
    if (!best || error < best.error) best = { offset: (e.received - e.asked + e.sent - e.answered) / 2, error };
  }
  return best;
}

/** The server's clock, as far as this machine can know it. */
export class ServerClock extends Emitter<{ changed: ClockReading }> {
  #connection: Connection;
  #exchanges: Exchange[] = [];
  #asked = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #left = 0; // of a burst
  #began = fine() - Date.now();
  #ends: (() => void)[] = [];

  /** Use `client.clock`. */
  constructor(connection: Connection) {
    super();
    this.#connection = connection;
  }

  /** undefined until the server has answered. */
  get reading(): ClockReading | undefined {
    this.#notice();
    return readClock(this.#exchanges, fine());
  }

  /** The server's time in ms since 1970; this machine's until the server has answered. */
  now(): number {
    return fine() + (this.reading?.offset ?? Date.now() - fine());
  }

  /** Asks now, and again and again, while there is a connection. The function that it returns ends that. */
  follow(): () => void {
    if (this.#ends.length > 0) throw new Error("the clock is followed already");
    const { socket } = this.#connection;
    const ref = socket.onMessage((message) => this.#answered(message as { ref?: string; payload?: unknown }));
    this.#ends = [() => socket.off([ref]), this.#connection.on("state", ({ state }) => state === "open" && this.#ask(burst)), () => clearTimeout(this.#timer)];
    this.#ask(burst);
    return () => this.#ends.splice(0).forEach((end) => end());
  }

  #ask(times: number): void {
    clearTimeout(this.#timer);
    this.#left = times - 1;
    this.#timer = setTimeout(() => this.#ask(this.#left > 0 ? this.#left : 1), this.#left > 0 ? burstEvery : askEvery);
    this.#notice();
    const { socket } = this.#connection;
    if (!socket.isConnected()) return;
    const ref = socket.makeRef();
    this.#asked.clear(); // an answer that has not come by now says little
    this.#asked.set(ref, fine());
    socket.push({ topic: "phoenix", event: "clock", payload: {}, ref });
  }

  #answered({ ref, payload }: { ref?: string; payload?: unknown }): void {
    const asked = this.#asked.get(ref ?? "");
    if (asked === undefined) return;
    this.#asked.delete(ref ?? "");
    const response = isObject(payload) ? payload["response"] : undefined;
    if (!isObject(response)) return;
    const { received_at: received, sent_at: sent } = response;
    if (typeof received !== "number" || typeof sent !== "number") return; // an older server
    this.#exchanges = [...this.#exchanges.slice(1 - kept), { asked, received, sent, answered: fine() }];
    this.emit("changed", this.reading ?? { offset: 0, error: 0 });
  }

  /** The fine clock stands still while a computer sleeps: what it read before is worth nothing then. */
  #notice(): void {
    const skew = fine() - Date.now();
    if (Math.abs(skew - this.#began) < 500) return;
    this.#began = skew;
    this.#exchanges = [];
  }
}

/** This clock, which corrections of the system's time do not move. */
const fine = () => performance.timeOrigin + performance.now();
