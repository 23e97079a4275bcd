import type { Connection } from "../connection.js";
import { Emitter } from "../emitter.js";
import { type Json, list, sensor, text, texts } from "../guards.js";
import { Topic } from "../topic.js";
import type { AttentionLevel, Chunk, Run, Sensor } from "../types.js";
import { type Arrival, type AttributeRuns, readBinary, readLists, readRuns, readText } from "./runs.js";
import { Tail } from "./tail.js";

export interface SensorViewOptions {
  /** How many of the newest samples of each attribute come first; 1,000 by default, 10,000 at most. */
  history?: number;
  /** How closely the sensor is looked at; `high` by default. */
  attention?: AttentionLevel;
  /** After an interruption, how many missed samples of an attribute are read back one by one; 100,000 by default. */
  fill?: number;
}

export interface SensorViewEvents {
  /** A run of samples, documents or merged buckets of one attribute: each sample once, over interruptions too. */
  chunk: Chunk;
  /** After each join. `cut` names attributes whose history is shorter than asked for. */
  joined: { sensor: Sensor; cut: string[]; again: boolean };
  /** So many samples came merged, in buckets, because this viewer could not keep up. Read the gap from the history. */
  lagged: { samples: number };
  /** Samples between these times were missed while the connection was away, more than `fill`: read them from the history. */
  gap: { attributeId: string; from: number; to: number };
  /** The connection is away at present. */
  interrupted: void;
  ended: Error;
}

const microsecond = 0.001;
const pageSize = 5000;

/**
 * Watches one sensor. Its history comes first, then what is live; no sample is
 * missing in between, and none comes twice: the server numbers samples as it stores
 * them, and leaves out of what is live what the history holds.
 */
export class SensorView extends Emitter<SensorViewEvents> {
  readonly sensorId: string;
  #topic: Topic;
  #history: number;
  #fill: number;
  #attention: AttentionLevel;
  #visible = true;
  #battery: { level: number; charging: boolean } | undefined;
  #tails = new Map<string, Tail>();
  #joins = 0;
  #held: (() => void)[] | undefined; // what came while a gap is read

  /** Use `client.sensor(…)`. */
  constructor(connection: Connection, sensorId: string, options: SensorViewOptions) {
    super();
    this.sensorId = sensorId;
    this.#history = options.history ?? 1000;
    this.#fill = options.fill ?? 100_000;
    this.#attention = options.attention ?? "high";
    this.#topic = new Topic(connection, `data:${sensorId}`, {
      params: () => ({ history: this.#history, attention: this.#level, encoding: "binary" }),
      onJoin: (response) => this.#joined(response),
      onDown: () => this.emit("interrupted", undefined),
      onEnd: (error) => this.emit("ended", error),
      events: {
        measurements: (payload) => this.#arrived(() => readBinary(payload as ArrayBuffer)),
        measurement: (payload) => this.#arrived(() => readText(payload)),
        measurements_batch: (payload) => this.#arrived(() => readText(payload)),
      },
    });
  }

  /** Says how closely the sensor is looked at from now on. */
  async setAttention(level: AttentionLevel): Promise<void> {
    this.#attention = level;
    if (this.#visible) await this.#report("attention", { level });
  }

  /** Hides the sensor, or shows it again at the level that it had. */
  async setVisible(visible: boolean): Promise<void> {
    this.#visible = visible;
    await this.#report("attention", { level: this.#level });
  }

  /** Reports the battery of the viewer's device, level 0 to 1: a low one asks the sensor's device for less. */
  async setBattery(level: number, charging: boolean): Promise<void> {
    this.#battery = { level, charging };
    await this.#report("battery", this.#battery);
  }

  /** Sends a command to the sensor's device. */
  async command(command: object): Promise<void> {
    await this.#topic.request("command", command);
  }

  close(): Promise<void> {
    this.removeAllListeners();
    return this.#topic.leave();
  }

  get #level(): AttentionLevel {
    return this.#visible ? this.#attention : "none";
  }

  /** Tells the server where it is there; else the next join does. */
  async #report(event: string, payload: object): Promise<void> {
    if (this.#topic.over) throw this.#topic.over;
    if (this.#topic.joined) await this.#topic.push(event, payload);
  }

  #joined(response: Json): void {
    const again = this.#joins++ > 0;
    if (this.#battery) void this.#report("battery", this.#battery).catch(() => undefined);
    const cut = texts(response["history_cut"]);
    this.emit("joined", { sensor: sensor(response["sensor"]), cut, again });
    const history = readLists(response["history"]);
    if (again) return this.#resume(history, cut);
    for (const attribute of history) this.#give(attribute, "history");
  }

  /** After an interruption: what was missed comes before what is live. */
  #resume(history: AttributeRuns[], cut: string[]): void {
    const held: (() => void)[] = [];
    this.#held = held;
    void this.#catchUp(history, cut)
      .catch(() => undefined) // the connection broke again: the next join reads it
      .then(() => {
        if (this.#held !== held) return;
        this.#held = undefined;
        for (const give of held) give();
      });
  }

  async #catchUp(history: AttributeRuns[], cut: string[]): Promise<void> {
    for (const { attributeId, runs } of history) {
      const tail = this.#tail(attributeId);
      const begins = firstTime(runs);
      const whole = sizeOf(runs) < this.#history && !cut.includes(attributeId);
      const span = tail.span;
      const missed = span && begins !== undefined && !whole ? await this.#missed(attributeId, span.from, begins) : [];
      this.#give({ attributeId, runs: tail.missing([...missed, ...runs]) }, "history");
    }
  }

  /** Reads what lies between what was given last and where a history begins. */
  async #missed(attributeId: string, from: number, to: number): Promise<Run[]> {
    const runs: Run[] = [];
    let size = 0;
    for (let cursor: string | undefined; ; ) {
      const page = await this.#topic.push("history", { attribute_id: attributeId, resolution: "raw", from, to, limit: pageSize, ...(cursor && { cursor }) });
      const read = readRuns(list(page["samples"]));
      runs.push(...read);
      size += sizeOf(read);
      cursor = text(page["next"]) || undefined;
      if (!cursor) return runs;
      if (size >= this.#fill) {
        this.emit("gap", { attributeId, from: lastTime(runs) ?? from, to });
        return runs;
      }
    }
  }

  #arrived(read: () => Arrival): void {
    const { attributes, lagged } = read();
    const give = () => {
      for (const attribute of attributes) this.#give(attribute, "live");
      if (lagged > 0) this.emit("lagged", { samples: lagged });
    };
    if (this.#held) this.#held.push(give);
    else give();
  }

  #give({ attributeId, runs }: AttributeRuns, source: Chunk["source"]): void {
    const tail = this.#tail(attributeId);
    for (const run of runs) {
      tail.add(run);
      this.emit("chunk", { sensorId: this.sensorId, attributeId, source, ...run });
    }
  }

  #tail(attributeId: string): Tail {
    const tail = this.#tails.get(attributeId) ?? new Tail(2 * this.#history);
    this.#tails.set(attributeId, tail);
    return tail;
  }
}

function sizeOf(runs: readonly Run[]): number {
  return runs.reduce((n, run) => n + (run.kind === "buckets" ? run.from.length : run.times.length), 0);
}

function firstTime(runs: readonly Run[]): number | undefined {
  const [first] = runs;
  return first?.kind === "buckets" ? first.from[0] : first?.times[0];
}

function lastTime(runs: readonly Run[]): number | undefined {
  const last = runs.at(-1);
  return last?.kind === "buckets" ? last.to.at(-1) : last?.times.at(-1);
}
