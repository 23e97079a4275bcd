// Clients that know nothing of Phoenix's code: they send and receive frames as
// text. V1 frames are objects, V2 frames are arrays.

import { onTestFinished } from "vitest";
import WebSocket from "ws";
import { Events } from "./official";
import type { Program } from "./program";

/** A bare WebSocket with its frames and its close. */
export class Raw {
  readonly frames: Events<any>;
  readonly closed: Promise<{ code: number; reason: string }>;

  private constructor(readonly ws: WebSocket) {
    this.frames = new Events((take) => ws.on("message", (data, binary) => take(binary ? data : JSON.parse(String(data)))));
    this.closed = new Promise((resolve) => ws.once("close", (code, reason) => resolve({ code, reason: String(reason) })));
    onTestFinished(() => ws.terminate());
  }

  static async dial(program: Program, query: string): Promise<Raw> {
    const raw = new Raw(new WebSocket(`${program.socketURL}/websocket?${query}`));
    await new Promise((resolve, reject) => raw.ws.once("open", resolve).once("error", reject));
    return raw;
  }

  send(frame: unknown): void {
    this.ws.send(JSON.stringify(frame));
  }

  next(): Promise<any> {
    return this.frames.next();
  }
}

/** A client of version 1 as people write it by hand: no vsn, no join ref. */
export class PlainV1 {
  private ref = 0;

  private constructor(readonly raw: Raw) {}

  static async dial(program: Program): Promise<PlainV1> {
    return new PlainV1(await Raw.dial(program, ""));
  }

  /** Pushes an event and returns the payload of its reply. */
  async request(topic: string, event: string, payload: unknown): Promise<{ status: string; response: any }> {
    const ref = this.push(topic, event, payload);
    const frame = await this.raw.frames.find((f) => f.event === "phx_reply" && f.ref === ref);
    return frame.payload;
  }

  push(topic: string, event: string, payload: unknown): string {
    const ref = String(++this.ref);
    this.raw.send({ topic, event, payload, ref });
    return ref;
  }

  /** The payload of the next event of a topic. */
  async event(topic: string, event: string): Promise<any> {
    return (await this.raw.frames.find((f) => f.topic === topic && f.event === event)).payload;
  }
}
