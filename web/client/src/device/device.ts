import type { Connection } from "../connection.js";
import { Emitter } from "../emitter.js";
import { ClosedError } from "../errors.js";
import { OutboxLog } from "../outbox/log.js";
import type { OutboxStore } from "../outbox/store.js";
import { Topic } from "../topic.js";
import type { Backpressure, Measurement } from "../types.js";
import { BackpressureManager } from "./backpressure.js";
import { Outbox } from "./outbox.js";
import { type Rejection, Sender } from "./sender.js";

/** One quantity that a device measures. */
export interface DeviceAttribute {
  attribute_id: string;
  attribute_name?: string;
  attribute_type?: string;
  unit?: string;
  /** Hz. */
  sampling_rate?: number;
}

/** How a sensor is registered. */
export interface Registration {
  sensorId: string;
  sensorName?: string;
  sensorType?: string;
  /** The program that brings it; by default the sensor itself. */
  connectorId?: string;
  connectorName?: string;
  attributes?: DeviceAttribute[];
  /** Hz. */
  samplingRate?: number;
  /** The sensor is in this room while it is connected. */
  roomId?: string;
}

export interface DeviceOptions extends Registration {
  /** How many bytes of samples the outbox holds; 256 MiB by default, at 16 bytes a number. */
  outboxBytes?: number;
}

/**
 * `waiting`: another tab sends for this sensor, this one stores. `offline`: what is measured is stored.
 * `online`: it is sent. `ended`: the server ended the sensor, or refused it; what is measured is stored.
 */
export type DeviceState = "waiting" | "offline" | "online" | "ended" | "closed";

export interface DeviceEvents {
  state: { state: DeviceState; error?: Error };
  backpressure: Backpressure;
  /** A command that somebody sent to the sensor. */
  command: Readonly<Record<string, unknown>>;
  /** How many samples are not acknowledged has changed. */
  unsent: number;
  /** Measurements were refused because the outbox is full. They are lost. */
  refused: { samples: number };
  /** The server will never take these measurements, and says why. */
  rejected: Rejection;
  /**
   * The server no longer knew the stream (30 days without a connection, or an older
   * backup): batches that were sent and never acknowledged may be stored twice.
   */
  forgotten: { batches: number };
  /** Something that is tried again by itself, such as a store that cannot be written. */
  error: Error;
}

const announceAfter = 250; // ms

/**
 * A sensor that this program brings. What is queued goes to the outbox, and from
 * there to the server, in batches of the size and at the pace that it asks for.
 */
export class Device extends Emitter<DeviceEvents> {
  readonly sensorId: string;
  /** When to send. */
  readonly backpressure: BackpressureManager;
  #connection: Connection;
  #registration: Registration;
  #untold = new Map<string, { event: string; payload: object }>(); // by what it is about, so that it stays short
  #store: OutboxStore;
  #outbox: Outbox;
  #topic: Topic | undefined;
  #sender: Sender | undefined;
  #state: DeviceState = "waiting";
  #over: Error | undefined; // why nothing is sent any more
  #ending = new AbortController();
  #announcing: ReturnType<typeof setTimeout> | undefined;
  #unwatch: () => void;
  #opened: Promise<void>;

  /** Use `client.device(…)`. */
  constructor(connection: Connection, store: OutboxStore, { outboxBytes = 256 << 20, ...registration }: DeviceOptions) {
    super();
    this.#connection = connection;
    this.#store = store;
    this.#registration = registration;
    this.sensorId = registration.sensorId;
    this.#outbox = new Outbox(new OutboxLog(store, this.sensorId, outboxBytes), outboxBytes);
    this.backpressure = new BackpressureManager(this.#outbox);
    this.#outbox.on("refused", (event) => this.emit("refused", event));
    this.#outbox.on("error", (event) => this.emit("error", event));
    this.#outbox.on("log", () => this.emit("unsent", this.unsent));
    this.#outbox.on("stored", () => {
      if (this.#state !== "online") store.announce(this.sensorId); // another tab may be sending
    });
    this.#unwatch = store.watch(this.sensorId, () => void this.#refresh());
    this.#opened = this.#open();
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Samples that were queued and are not acknowledged. */
  get unsent(): number {
    return this.#outbox.unsent;
  }

  /** Measurements that were refused since the device was opened. */
  get refused(): number {
    return this.#outbox.refused;
  }

  /** Takes a measurement; false says that the outbox is full and it was refused. */
  queueMeasurement(measurement: Measurement): boolean {
    return this.backpressure.queueMeasurement(measurement);
  }

  /** Takes many samples of one attribute, times in Unix ms: all of them, or none and false. */
  queueSamples(attributeId: string, times: Float64Array, values: Float64Array): boolean {
    return this.backpressure.queueSamples(attributeId, times, values);
  }

  /** Sends what waits now, unless the server asked for a pause. */
  flush(): void {
    this.backpressure.flush();
  }

  /** Resolves when all that was queued so far is in the outbox: it survives a crash from then on. */
  saved(): Promise<void> {
    return this.#outbox.saved();
  }

  /** Flushes, and resolves when everything is on the server's disk. It rejects when the device ends before. */
  async synced(): Promise<void> {
    await this.#outbox.begin();
    await this.saved();
    this.flush();
    while (this.unsent > 0) {
      if (this.#over) throw this.#over;
      await new Promise<void>((resolve) => {
        const off = [this.on("unsent", done), this.on("state", done)];
        function done(): void {
          for (const end of off) end();
          resolve();
        }
      });
      if (this.#outbox.waiting > 0) this.flush();
    }
  }

  /** Registers an attribute, or changes its name, type, unit and rate. */
  async registerAttribute(attribute: DeviceAttribute): Promise<void> {
    const others = this.#registration.attributes?.filter((a) => a.attribute_id !== attribute.attribute_id) ?? [];
    await this.#register([...others, attribute]);
    const { attribute_id, ...metadata } = attribute;
    await this.#tell("update_attributes", { action: "register", attribute_id, metadata });
  }

  /** Removes an attribute; its samples stay. */
  async unregisterAttribute(attributeId: string): Promise<void> {
    await this.#register(this.#registration.attributes?.filter((a) => a.attribute_id !== attributeId) ?? []);
    await this.#tell("update_attributes", { action: "unregister", attribute_id: attributeId });
  }

  /** Says that the device found a capability: the server registers it as an attribute. */
  async discover(type: string, value?: unknown): Promise<void> {
    await this.#tell("discovery", { type, value, timestamp: Date.now() });
  }

  /** Changes the connector's name. */
  async renameConnector(connectorName: string): Promise<void> {
    this.#registration = { ...this.#registration, connectorName };
    await this.#outbox.log.register(this.#registration);
    await this.#tell("update_connector", { connector_name: connectorName });
  }

  /** Leaves the sensor. What is not acknowledged stays in the store, for the next device of this sensor. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#become("closed");
    this.backpressure.close();
    this.#unwatch();
    await this.#outbox.close();
    await this.#opened;
    await this.#sender?.close();
    clearTimeout(this.#announcing);
    await this.#topic?.leave();
    this.#ending.abort(new ClosedError(`device ${this.sensorId}`));
    this.removeAllListeners();
  }

  async #open(): Promise<void> {
    try {
      await this.#outbox.log.register(this.#registration);
      await this.#outbox.begin();
    } catch (err) {
      this.emit("error", err as Error); // writing tries again, and says so
    }
    void this.#lead();
  }

  /** Waits until no other tab sends, then joins and sends. */
  async #lead(): Promise<void> {
    try {
      await this.#store.lead(this.sensorId, this.#ending.signal);
    } catch {
      return; // closed meanwhile
    }
    if (this.#state === "closed") return;
    this.#become("offline");
    this.#topic = new Topic(this.#connection, `sensocto:sensor:${this.sensorId}`, {
      params: () => this.#joinParams(),
      onJoin: () => this.#joined(),
      onDown: () => this.#become("offline"),
      onEnd: (error) => this.#become("ended", error),
      events: {
        backpressure_config: (payload) => this.emit("backpressure", this.backpressure.follow(payload)),
        device_command: (payload) => this.emit("command", payload as Record<string, unknown>),
      },
    });
    this.#sender = new Sender(this.#outbox, this.#topic, {
      rejected: (rejection) => this.emit("rejected", rejection),
      forgotten: (batches) => this.emit("forgotten", { batches }),
      failed: (error) => this.emit("error", error),
      acknowledged: () => this.#announceSoon(),
    });
    this.#sender.kick();
  }

  /** Tells the other tabs what is unsent, a few times a second at most. */
  #announceSoon(): void {
    this.#announcing ??= setTimeout(() => {
      this.#announcing = undefined;
      this.#store.announce(this.sensorId);
    }, announceAfter);
  }

  #joined(): void {
    this.#become("online");
    const untold = [...this.#untold.values()];
    this.#untold.clear();
    for (const { event, payload } of untold) this.#topic?.push(event, payload).catch((error: Error) => this.emit("error", error));
    this.#sender?.restart();
  }

  #become(state: DeviceState, error?: Error): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#over = state === "closed" ? new ClosedError(`device ${this.sensorId}`) : error;
    this.emit("state", { state, ...(error && { error }) });
  }

  /** Another tab has changed the log. */
  async #refresh(): Promise<void> {
    this.#outbox.update(await this.#outbox.log.state());
  }

  async #register(attributes: DeviceAttribute[]): Promise<void> {
    this.#registration = { ...this.#registration, attributes };
    await this.#outbox.log.register(this.#registration);
  }

  /** Tells the server now, or once it is there. */
  async #tell(event: string, payload: { attribute_id?: string; type?: string; [key: string]: unknown }): Promise<void> {
    if (this.#topic?.joined) {
      await this.#topic.push(event, payload);
      return;
    }
    const key = `${event} ${payload.attribute_id ?? payload.type ?? ""}`;
    this.#untold.delete(key); // the newest goes last
    this.#untold.set(key, { event, payload });
  }

  /** The payload of a join: the whole registration. What is changed until the answer comes is told after it. */
  #joinParams(): object {
    for (const [key, { event }] of this.#untold) if (event !== "discovery") this.#untold.delete(key);
    return joinParams(this.#registration);
  }
}

/** The payload of a join (docs/protocol.md, section 3). */
function joinParams(r: Registration): object {
  return {
    connector_id: r.connectorId ?? r.sensorId,
    connector_name: r.connectorName ?? r.connectorId ?? r.sensorId,
    sensor_id: r.sensorId,
    sensor_name: r.sensorName ?? r.sensorId,
    sensor_type: r.sensorType ?? "",
    attributes: r.attributes ?? [],
    sampling_rate: r.samplingRate ?? 0,
    batch_size: 1,
    ...(r.roomId !== undefined && { room_id: r.roomId }),
  };
}
