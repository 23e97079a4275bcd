// A server, and clients of it, that end with the test.

import { connect as dial, createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import WebSocket from "ws";
import { Program } from "../../../e2e/program.js";
import { Client, type ClientOptions, type Emitter, type Run } from "../src/index.js";

export interface World {
  program: Program;
  token: string;
  /** A client of its own, closed after the test. */
  client: (options?: Partial<ClientOptions>) => Client;
}

export async function world(...flags: string[]): Promise<World> {
  const program = await Program.start("--attention-hold", "20ms", ...flags);
  const token = await program.token("ingest,view");
  return { program, token, client: (options) => connect(program.url, token, options) };
}

export function connect(url: string, token: string, options: Partial<ClientOptions> = {}): Client {
  const client = new Client({ url, token, transport: WebSocket, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Collects events of a type, to wait for one that fits. */
export class Events<T> {
  readonly all: T[] = [];
  #wake = () => {};

  static of<E extends object, K extends keyof E>(source: Emitter<E>, type: K): Events<E[K]> {
    const events = new Events<E[K]>();
    source.on(type, (event) => {
      events.all.push(event);
      events.#wake();
    });
    return events;
  }

  /** The first event that fits, of those that came and that will come; the test's patience is the limit. */
  async find(fits: (event: T) => boolean): Promise<T> {
    for (;;) {
      const found = this.all.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** Waits until a condition holds; the test's patience is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** A network between clients and a server, that can be cut. */
export class Network {
  url = "";
  #server = createServer((near) => this.#connect(near));
  #target: URL;
  #sockets = new Set<Socket>();
  #fromServer = new Set<Socket>();
  #cut = false;

  constructor(target: string) {
    this.#target = new URL(target);
    onTestFinished(() => {
      this.drop();
      this.#server.close();
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  /** Ends all connections and refuses new ones until restore. */
  cut(): void {
    this.#cut = true;
    this.drop();
  }

  restore(): void {
    this.#cut = false;
  }

  /** Ends all connections, in the middle of whatever is on its way. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets nothing through to the clients until it ends. */
  stall(): () => void {
    const stalled = [...this.#fromServer];
    for (const socket of stalled) socket.pause();
    return () => stalled.forEach((socket) => socket.resume());
  }

  #connect(near: Socket): void {
    if (this.#cut) return void near.destroy();
    const far = dial(Number(this.#target.port), this.#target.hostname);
    this.#fromServer.add(far);
    far.on("close", () => this.#fromServer.delete(far));
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.#sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}

/** Every sample of an attribute that the server has, as [time, value] pairs. */
export async function stored(client: Client, sensorId: string, attributeId: string): Promise<[number, unknown][]> {
  const all: [number, unknown][] = [];
  for await (const runs of client.samples(sensorId, attributeId)) all.push(...runs.flatMap(pairs));
  return all;
}

export function pairs(run: Run): [number, unknown][] {
  if (run.kind === "buckets") throw new Error("merged");
  const payloads: ArrayLike<unknown> = run.kind === "samples" ? run.values : run.payloads;
  return Array.from(run.times, (time, i) => [time, payloads[i]]);
}
