// A server as docs/protocol.md describes it for one device, inside the test: what it
// has acknowledged it keeps, and everything else may go wrong.

import { decodeColumns } from "../src/index.js";

/** What becomes of a batch on its way. */
export type Fate =
  | "ok"
  | "lost" // it never arrives, and the connection breaks
  | "unanswered" // it is stored, and the connection breaks before the answer
  | "twice" // it arrives twice
  | "unavailable";

interface Frame {
  join_ref: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
}

interface JsonBatch {
  stream: string;
  seq: number;
  measurements: { attribute_id: string; payload: unknown; timestamp: number }[];
}

export class Model {
  /** How often the server has each sample, by its value. */
  readonly stored = new Map<number, number>();
  /** How many batches arrived. */
  batches = 0;
  #streams = new Map<string, number>();
  #sockets = new Set<ModelSocket>();
  #device: { socket: ModelSocket; joinRef: string | null; topic: string } | undefined;
  #fates: Fate[];
  #next = 0;

  constructor(fates: Fate[]) {
    this.#fates = fates;
  }

  /** From now on nothing goes wrong. */
  heal(): void {
    this.#fates = ["ok"];
  }

  /** Forgets all streams, as after a month. */
  forget(): void {
    this.#streams.clear();
  }

  /** Sends what a device is asked for. */
  ask(config: object): void {
    const joinRef = this.#device!.joinRef;
    this.#device!.socket.deliver([joinRef, null, this.#device!.topic, "backpressure_config", config]);
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.break();
  }

  /** A WebSocket class of one tab; `gone` says that the tab has crashed. */
  transport(gone: () => boolean): new (url: string) => object {
    const model = this;
    return class extends ModelSocket {
      constructor() {
        super(model, gone);
      }
    };
  }

  opened(socket: ModelSocket): void {
    this.#sockets.add(socket);
  }

  closed(socket: ModelSocket): void {
    this.#sockets.delete(socket);
    if (this.#device?.socket === socket) this.#device = undefined;
  }

  receive(socket: ModelSocket, frame: Frame): void {
    switch (frame.event) {
      case "phx_join":
        return this.#join(socket, frame);
      case "measurements":
        return this.#measurements(socket, frame);
      case "phx_leave":
        if (this.#device?.socket === socket) this.#device = undefined;
    }
    socket.reply(frame, "ok", {});
  }

  #join(socket: ModelSocket, frame: Frame): void {
    const before = this.#device;
    this.#device = { socket, joinRef: frame.join_ref, topic: frame.topic };
    // The newest wins.
    if (before && before.socket !== socket) before.socket.deliver([before.joinRef, before.joinRef, frame.topic, "phx_close", {}]);
    socket.reply(frame, "ok", {});
  }

  #measurements(socket: ModelSocket, frame: Frame): void {
    if (this.#device?.socket !== socket) return socket.reply(frame, "error", { reason: "unmatched topic" });
    this.batches++;
    const fate = this.#fates[this.#next++ % this.#fates.length]!;
    if (fate === "lost") return socket.break();
    if (fate === "unavailable") return socket.reply(frame, "error", { reason: "unavailable" });
    const [status, response] = this.#store(frame.payload);
    if (fate === "unanswered") return socket.break();
    if (fate === "twice") this.#store(frame.payload);
    socket.reply(frame, status, response);
  }

  #store(payload: unknown): ["ok" | "error", object] {
    const { stream, seq, values } = payload instanceof ArrayBuffer ? readColumns(payload) : readJson(payload as JsonBatch);
    const last = this.#streams.get(stream) ?? 0;
    if (seq > last + 1) return ["error", { reason: "gap", expected: last + 1 }];
    if (seq === last + 1) {
      this.#streams.set(stream, seq);
      for (const value of values) this.stored.set(value, (this.stored.get(value) ?? 0) + 1);
    }
    return ["ok", { seq }];
  }
}

function readColumns(body: ArrayBuffer): { stream: string; seq: number; values: number[] } {
  const { header, columns } = decodeColumns(body);
  return { stream: header.stream!, seq: Number(header.seq), values: columns.flatMap((c) => [...c.values]) };
}

function readJson({ stream, seq, measurements }: JsonBatch): { stream: string; seq: number; values: number[] } {
  return { stream, seq, values: measurements.map((m) => (typeof m.payload === "number" ? m.payload : (m.payload as { n: number }).n)) };
}

/** One connection to the model, as the phoenix client sees a WebSocket. */
class ModelSocket {
  readyState = 0;
  bufferedAmount = 0;
  binaryType = "arraybuffer";
  onopen?: () => void;
  onclose?: (event: object) => void;
  onmessage?: (event: { data: unknown }) => void;
  onerror?: () => void;
  #model: Model;
  #gone: () => boolean;

  constructor(model: Model, gone: () => boolean) {
    this.#model = model;
    this.#gone = gone;
    queueMicrotask(() => {
      if (gone()) return;
      this.readyState = 1;
      model.opened(this);
      this.onopen?.();
    });
  }

  send(raw: string | ArrayBuffer): void {
    const frame = typeof raw === "string" ? textFrame(raw) : binaryFrame(raw);
    setImmediate(() => {
      if (this.readyState === 1 && !this.#gone()) this.#model.receive(this, frame);
    });
  }

  close(): void {
    this.break();
  }

  /** Ends the connection; a tab that crashed does not notice. */
  break(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#model.closed(this);
    if (!this.#gone()) setImmediate(() => this.onclose?.({ code: 1006, reason: "" }));
  }

  reply(frame: Frame, status: string, response: object): void {
    this.deliver([frame.join_ref, frame.ref, frame.topic, "phx_reply", { status, response }]);
  }

  deliver(frame: unknown[]): void {
    setImmediate(() => {
      if (this.readyState === 1 && !this.#gone()) this.onmessage?.({ data: JSON.stringify(frame) });
    });
  }
}

function textFrame(raw: string): Frame {
  const [join_ref, ref, topic, event, payload] = JSON.parse(raw);
  return { join_ref, ref, topic, event, payload };
}

function binaryFrame(raw: ArrayBuffer): Frame {
  const bytes = new Uint8Array(raw);
  let at = 5;
  const [join_ref, ref, topic, event] = [1, 2, 3, 4].map((i) => {
    const text = new TextDecoder().decode(bytes.subarray(at, at + bytes[i]!));
    at += bytes[i]!;
    return text;
  }) as [string, string, string, string];
  return { join_ref, ref, topic, event, payload: raw.slice(at) };
}
