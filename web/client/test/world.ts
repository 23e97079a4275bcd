// A server, and clients of it, that end with the test.

import { onTestFinished } from "vitest";
import WebSocket from "ws";
import { Program } from "../../../e2e/program.js";
import { Client, type ClientOptions, type Emitter } from "../src/index.js";

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
