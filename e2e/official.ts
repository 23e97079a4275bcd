// The official Phoenix client, unmodified, with promises around its callbacks.

import { Channel, Socket, type SocketConnectOption } from "phoenix";
import { onTestFinished } from "vitest";
import WebSocket from "ws";
import type { Program } from "./program";

/** Connects the official client (V2). It is disconnected after the test. */
export function connect(program: Pick<Program, "socketURL">, authToken?: string, options: Partial<SocketConnectOption> = {}): Socket {
  const socket = new Socket(program.socketURL, {
    transport: WebSocket as unknown as SocketConnectOption["transport"],
    ...(authToken && { authToken }),
    // Quicker than the defaults, so that tests are.
    reconnectAfterMs: () => 50,
    rejoinAfterMs: () => 50,
    ...options,
  });
  onTestFinished(() => new Promise<void>((resolve) => socket.disconnect(resolve)));
  socket.connect();
  return socket;
}

/** An error reply. */
export class Refused extends Error {
  constructor(readonly response: unknown) {
    super(`refused: ${JSON.stringify(response)}`);
  }
}

type Push = ReturnType<Channel["push"]>;

/** Waits for the reply; it throws Refused for an error. */
export function reply<T = any>(push: Push): Promise<T> {
  return new Promise((resolve, reject) => {
    push
      .receive("ok", resolve)
      .receive("error", (response) => reject(new Refused(response)))
      .receive("timeout", () => reject(new Error("no reply")));
  });
}

/** The response of an error reply; it throws if the reply is ok. */
export async function refusal(push: Push): Promise<unknown> {
  try {
    await reply(push);
  } catch (err) {
    if (err instanceof Refused) return err.response;
    throw err;
  }
  throw new Error("not refused");
}

/** Joins a topic; a refused channel does not try again. */
export async function join(socket: Socket, topic: string, params: object = {}): Promise<{ channel: Channel; response: any }> {
  const channel = socket.channel(topic, params);
  const response = await reply(channel.join());
  return { channel, response };
}

/** Joins a sensor's topic as the device that brings it. */
export async function device(socket: Socket, id: string, params: object = {}): Promise<Channel> {
  const { channel } = await join(socket, `sensocto:sensor:${id}`, {
    connector_id: "c1",
    connector_name: "Phone",
    sensor_id: id,
    sensor_name: `Sensor ${id}`,
    sensor_type: "ecg",
    attributes: [],
    sampling_rate: 10,
    batch_size: 1,
    ...params,
  });
  return channel;
}

/** The events of a channel, in order, to wait for. */
export class Events<T = any> {
  readonly all: T[] = [];
  private taken = 0;
  private wake = () => {};

  /** Collects what listen calls back with. */
  constructor(listen: (take: (event: T) => void) => void) {
    listen((event) => {
      this.all.push(event);
      this.wake();
    });
  }

  static of<T = any>(channel: Channel, event: string): Events<T> {
    return new Events((take) => channel.on(event, take));
  }

  /** The next event that was not returned yet; the test's patience is the limit. */
  async next(): Promise<T> {
    while (this.taken === this.all.length) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.all[this.taken++]!;
  }

  /** The next event that fits. */
  async find(fits: (event: T) => boolean): Promise<T> {
    for (;;) {
      const event = await this.next();
      if (fits(event)) return event;
    }
  }
}

/** Resolves when the channel is closed by the server or by leaving. */
export function closed(channel: Channel): Promise<void> {
  return new Promise((resolve) => channel.onClose(() => resolve()));
}
