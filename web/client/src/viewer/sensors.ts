import type { Connection } from "../connection.js";
import { Emitter } from "../emitter.js";
import { object, sensor, sensors, text, texts } from "../guards.js";
import { Topic } from "../topic.js";
import type { Sensor } from "../types.js";

export interface SensorListEvents {
  /** Sensors came, changed or went; `removed` holds ids. */
  changed: { added: Sensor[]; changed: Sensor[]; removed: string[] };
  connected: { sensorId: string };
  disconnected: { sensorId: string };
  /** The connection is away at present; the list is as it was. */
  interrupted: void;
  ended: Error;
}

/** All sensors that the viewer may see, and which of them are connected, kept up to date. */
export class SensorList extends Emitter<SensorListEvents> {
  #all: Topic;
  #status: Topic;
  #sensors = new Map<string, Sensor>();
  #online = new Set<string>();

  /** Use `client.sensors()`. */
  constructor(connection: Connection) {
    super();
    const onEnd = (error: Error) => this.emit("ended", error);
    this.#all = new Topic(connection, "sensors:all", {
      onJoin: (response) => this.#replace(sensors(response["sensors"])),
      onDown: () => this.emit("interrupted", undefined),
      onEnd,
      events: { sensor_list_updated: (payload) => this.#update(payload) },
    });
    this.#status = new Topic(connection, "sensors:status", {
      onJoin: (response) => (this.#online = new Set(texts(response["online"]))),
      onEnd,
      events: {
        sensor_connected: (payload) => this.#connected(payload),
        sensor_disconnected: (payload) => this.#disconnected(payload),
      },
    });
  }

  /** The sensors by id. */
  get sensors(): ReadonlyMap<string, Sensor> {
    return this.#sensors;
  }

  /** The ids of sensors whose device is connected. */
  get online(): ReadonlySet<string> {
    return this.#online;
  }

  /** Resolves when the list is there. */
  async loaded(): Promise<void> {
    await Promise.all([this.#all.whenJoined(), this.#status.whenJoined()]);
  }

  async close(): Promise<void> {
    this.removeAllListeners();
    await Promise.all([this.#all.leave(), this.#status.leave()]);
  }

  /** A join's list is the whole list, or its beginning: the rest follows as added. */
  #replace(all: Sensor[]): void {
    const before = this.#sensors;
    this.#sensors = new Map(all.map((s) => [s.sensor_id, s]));
    this.emit("changed", {
      added: all.filter((s) => !before.has(s.sensor_id)),
      changed: all.filter((s) => before.has(s.sensor_id)),
      removed: [...before.keys()].filter((id) => !this.#sensors.has(id)),
    });
  }

  #update(payload: unknown): void {
    const p = object(payload);
    const update = { added: sensors(p["added"]), changed: sensors(p["changed"]), removed: texts(p["removed"]) };
    for (const s of [...update.added, ...update.changed]) this.#sensors.set(s.sensor_id, s);
    for (const id of update.removed) this.#sensors.delete(id);
    this.emit("changed", update);
  }

  #connected(payload: unknown): void {
    const sensorId = text(object(payload)["sensor_id"]);
    this.#online.add(sensorId);
    this.emit("connected", { sensorId });
  }

  #disconnected(payload: unknown): void {
    const sensorId = text(object(payload)["sensor_id"]);
    this.#online.delete(sensorId);
    this.emit("disconnected", { sensorId });
  }
}

export interface SensorStateEvents {
  /** Attributes were registered, unregistered or changed, or the sensor itself. */
  changed: Sensor;
  ended: Error;
}

/** What one sensor is and measures, kept up to date. */
export class SensorState extends Emitter<SensorStateEvents> {
  #topic: Topic;
  #sensor: Sensor | undefined;

  /** Use `client.sensorState(…)`. */
  constructor(connection: Connection, sensorId: string) {
    super();
    this.#topic = new Topic(connection, `signal:${sensorId}`, {
      onJoin: (response) => this.#become(response),
      onEnd: (error) => this.emit("ended", error),
      events: { new_state: (payload) => this.#become(payload) },
    });
  }

  /** Undefined until the first answer. */
  get sensor(): Sensor | undefined {
    return this.#sensor;
  }

  close(): Promise<void> {
    this.removeAllListeners();
    return this.#topic.leave();
  }

  #become(payload: unknown): void {
    this.#sensor = sensor(object(payload)["sensor"]);
    this.emit("changed", this.#sensor);
  }
}
