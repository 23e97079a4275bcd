import type { Connection } from "../connection.js";
import { Emitter } from "../emitter.js";
import { number, object, sensors, texts } from "../guards.js";
import { Topic } from "../topic.js";
import type { AttentionLevel, Chunk, Sensor } from "../types.js";
import { readLists } from "./runs.js";

export interface Watched {
  /** The sensors that are watched now, as the server describes them. */
  sensors: Sensor[];
  /** What may not be seen, or does not exist for this viewer. */
  refused: string[];
}

export interface ViewerEvents {
  /** A run of samples, documents or merged buckets of one attribute. */
  chunk: Chunk;
  /** So many samples came merged, in buckets, because this viewer could not keep up. Read the gap from the history. */
  lagged: { samples: number };
  /** The right to see these sensors has ended. */
  refused: { sensorIds: string[] };
  /** The sensors are watched again after an interruption; what came in between is in the history. */
  resumed: Watched;
  /** The connection is away at present. */
  interrupted: void;
  ended: Error;
}

const most = 1000; // ids in a message

/**
 * Watches many sensors over one topic. What is reported here, attention,
 * visibility and battery, decides what devices are asked for and what is sent.
 */
export class Viewer extends Emitter<ViewerEvents> {
  #topic: Topic;
  #levels = new Map<string, AttentionLevel>();
  #visible = true;
  #battery: { level: number; charging: boolean } | undefined;
  #joins = 0;

  /** Use `client.viewer()`. */
  constructor(connection: Connection, name: string) {
    super();
    this.#topic = new Topic(connection, `viewer:${name}`, {
      onJoin: () => this.#joined(),
      onDown: () => this.emit("interrupted", undefined),
      onEnd: (error) => this.emit("ended", error),
      events: {
        sensor_batch: (payload) => this.#batch(payload),
        refused: (payload) => this.#refused(texts(object(payload)["sensor_ids"])),
      },
    });
  }

  /** The sensors that are watched, with the level of each. */
  get watched(): ReadonlyMap<string, AttentionLevel> {
    return this.#levels;
  }

  /**
   * Watches sensors, also ones that have not appeared yet. Those that are watched
   * already change their level. Where the connection breaks before the answer, it
   * rejects with NoReplyError, and the sensors are watched after the reconnect.
   */
  async watch(sensorIds: readonly string[], level: AttentionLevel = "high"): Promise<Watched> {
    for (const id of sensorIds) this.#levels.set(id, level);
    await this.#topic.whenJoined();
    return this.#watch(sensorIds, level);
  }

  async unwatch(sensorIds: readonly string[]): Promise<void> {
    for (const id of sensorIds) this.#levels.delete(id);
    for (const ids of pieces(sensorIds)) await this.#report("unwatch", { sensor_ids: ids });
  }

  /** Says how closely each of these watched sensors is looked at from now on. */
  async setAttention(levels: Readonly<Record<string, AttentionLevel>>): Promise<void> {
    const known = Object.entries(levels).filter(([id]) => this.#levels.has(id));
    for (const [id, level] of known) this.#levels.set(id, level);
    for (const piece of pieces(known)) await this.#report("attention", { levels: Object.fromEntries(piece) });
  }

  /** Hides all sensors, or shows them again, each at the level that it had. */
  async setVisible(visible: boolean): Promise<void> {
    this.#visible = visible;
    await this.#report("visibility_changed", { visible });
  }

  /** Reports the battery of the viewer's device, level 0 to 1: a low one asks devices for less. */
  async setBattery(level: number, charging: boolean): Promise<void> {
    this.#battery = { level, charging };
    await this.#report("battery", this.#battery);
  }

  close(): Promise<void> {
    this.removeAllListeners();
    return this.#topic.leave();
  }

  /** Tells the server where it is there; else the next join does. */
  async #report(event: string, payload: object): Promise<void> {
    if (this.#topic.over) throw this.#topic.over;
    if (this.#topic.joined) await this.#topic.push(event, payload);
  }

  async #watch(sensorIds: readonly string[], level: AttentionLevel): Promise<Watched> {
    const all: Watched = { sensors: [], refused: [] };
    for (const ids of pieces(sensorIds)) {
      const answer = await this.#topic.push("watch", { sensor_ids: ids, level });
      all.sensors.push(...sensors(answer["sensors"]));
      all.refused.push(...texts(answer["refused"]));
    }
    for (const id of all.refused) this.#levels.delete(id);
    return all;
  }

  /** A join begins with nothing: what was reported is reported again. */
  #joined(): void {
    const again = this.#joins++ > 0;
    if (!this.#visible) void this.#report("visibility_changed", { visible: false }).catch(ignore);
    if (this.#battery) void this.#report("battery", this.#battery).catch(ignore);
    if (again) void this.#resume().catch(ignore);
  }

  async #resume(): Promise<void> {
    const byLevel = new Map<AttentionLevel, string[]>();
    for (const [id, level] of this.#levels) byLevel.set(level, [...(byLevel.get(level) ?? []), id]);
    const answers = await Promise.all([...byLevel].map(([level, ids]) => this.#watch(ids, level)));
    this.emit("resumed", { sensors: answers.flatMap((a) => a.sensors), refused: answers.flatMap((a) => a.refused) });
  }

  #refused(sensorIds: string[]): void {
    for (const id of sensorIds) this.#levels.delete(id);
    this.emit("refused", { sensorIds });
  }

  #batch(payload: unknown): void {
    const p = object(payload);
    for (const [sensorId, lists] of Object.entries(object(p["batch"]))) {
      if (!this.#levels.has(sensorId)) continue; // unwatched a moment ago
      for (const { attributeId, runs } of readLists(lists)) {
        for (const run of runs) this.emit("chunk", { sensorId, attributeId, source: "live", ...run });
      }
    }
    const lagged = number(p["lagged"]);
    if (lagged > 0) this.emit("lagged", { samples: lagged });
  }
}

/** A failure is followed by another join, which reports everything again. */
const ignore = () => undefined;

function* pieces<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += most) yield all.slice(at, at + most);
}
