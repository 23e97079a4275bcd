import { type Api, makeApi } from "./api.js";
import { Call } from "./call/call.js";
import type { CallOptions } from "./call/types.js";
import { ServerClock } from "./clock.js";
import { Connection, type ConnectionEvent, type ConnectionOptions, type ConnectionState } from "./connection.js";
import { Device, type DeviceOptions, type Registration } from "./device/device.js";
import { type History, type HistoryQuery, readHistory, readSamples, type SamplesQuery } from "./history.js";
import { IndexedDBStore } from "./outbox/indexeddb.js";
import { MemoryStore } from "./outbox/memory.js";
import type { OutboxStore } from "./outbox/store.js";
import { Inbox, RoomList, RoomView } from "./rooms.js";
import type { Run } from "./types.js";
import { SensorView, type SensorViewOptions } from "./viewer/sensor.js";
import { SensorList, SensorState } from "./viewer/sensors.js";
import { Viewer } from "./viewer/viewer.js";

export interface ClientOptions extends ConnectionOptions {
  /** Where devices keep what is not acknowledged: by default IndexedDB, or memory where there is none. */
  store?: OutboxStore;
  fetch?: (request: Request) => Promise<Response>;
}

/** What an outbox still holds of a sensor. */
export interface Unsent {
  /** How the sensor was registered: give it to `client.device` to send the rest. */
  registration: Registration;
  samples: number;
}

/**
 * One connection to a server, and all that goes over it. Everything that a client
 * opened ends with it.
 */
export class Client {
  /** The whole HTTP API, typed. */
  readonly api: Api;
  /** The server's clock, once it is followed. */
  readonly clock: ServerClock;
  #connection: Connection;
  #store: OutboxStore;
  #devices = new Set<Device>();
  #viewers = 0;

  constructor(options: ClientOptions) {
    this.#connection = new Connection(options);
    this.clock = new ServerClock(this.#connection);
    this.api = makeApi(options.url, options.token, options.fetch);
    this.#store = options.store ?? (typeof indexedDB === "undefined" ? new MemoryStore() : new IndexedDBStore());
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Calls the listener when the connection opens or breaks. The function that it returns ends that. */
  onState(listener: (event: ConnectionEvent) => void): () => void {
    return this.#connection.on("state", listener);
  }

  /** Brings a sensor. It works at once, also while the server is away. */
  device(options: DeviceOptions): Device {
    const device = new Device(this.#connection, this.#store, options);
    this.#devices.add(device);
    device.on("state", ({ state }) => state === "closed" && this.#devices.delete(device));
    return device;
  }

  /** What earlier devices left in the store, for example before a reload. */
  async unsent(): Promise<Unsent[]> {
    const logs = await this.#store.logs();
    return logs.filter((log) => log.samples > 0).map((log) => ({ registration: (log.registration ?? { sensorId: log.sensorId }) as Registration, samples: log.samples }));
  }

  /** Watches many sensors over one topic. */
  viewer(): Viewer {
    return new Viewer(this.#connection, `v${++this.#viewers}`);
  }

  /** Watches one sensor: its newest history, then what is live, each sample once. */
  sensor(sensorId: string, options: SensorViewOptions = {}): SensorView {
    return new SensorView(this.#connection, sensorId, options);
  }

  /** What one sensor is and measures. */
  sensorState(sensorId: string): SensorState {
    return new SensorState(this.#connection, sensorId);
  }

  /** All sensors that may be seen, and which of them are connected. */
  sensors(): SensorList {
    return new SensorList(this.#connection);
  }

  /** One room, with who is there. */
  room(roomId: string): RoomView {
    return new RoomView(this.#connection, roomId);
  }

  /** Joins the call of a room. In browsers alone: it needs WebRTC. */
  call(roomId: string, options: CallOptions = {}): Call {
    return new Call(this.#connection, roomId, options);
  }

  /** One's own rooms, and public ones. */
  rooms(): RoomList {
    return new RoomList(this.#connection);
  }

  /** Notifications and invitations of the signed-in person. */
  inbox(userId: string): Inbox {
    return new Inbox(this.#connection, userId);
  }

  /** Reads what a trace of any time is drawn from: buckets with exact minima and maxima, or samples. */
  history(sensorId: string, attributeId: string, query: HistoryQuery = {}): Promise<History> {
    return readHistory(this.api, sensorId, attributeId, query);
  }

  /** Reads every sample of a time, page by page. */
  samples(sensorId: string, attributeId: string, query: SamplesQuery = {}): AsyncGenerator<Run[], void, undefined> {
    return readSamples(this.api, sensorId, attributeId, query);
  }

  /** Closes everything that was opened, and the connection. What devices hold stays in the store. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#devices].map((device) => device.close()));
    await this.#connection.close();
    await this.#store.close();
  }
}
