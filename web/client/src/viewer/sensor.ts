import type { Connection } from "../connection.js";
import { Emitter } from "../emitter.js";
import { ReplyError } from "../errors.js";
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
  /** A frame could not be read: it is of a newer server, or was changed on its way. */
  error: Error;
  ended: Error;
}

const microsecond = 0.001;
const pageSize = 5000;
const leastHistory = 1000; // of a join after an interruption

interface Span {
  from: number;
  to: number;
}

/** What came while a gap is read. Once it is as much as may be read back, the rest of the gap is told instead. */
class Held {
  readonly arrivals: Arrival[] = [];
  #size = 0;
  #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get full(): boolean {
    return this.#size >= this.#most;
  }

  add(arrival: Arrival): void {
    this.arrivals.push(arrival);
    for (const { runs } of arrival.attributes) this.#size += sizeOf(runs);
  }
}

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
  #held: Held | undefined; // what came while a gap is read

  /** Use `client.sensor(…)`. */
  constructor(connection: Connection, sensorId: string, options: SensorViewOptions) {
    super();
    this.sensorId = sensorId;
    this.#history = options.history ?? 1000;
    this.#fill = options.fill ?? 100_000;
    this.#attention = options.attention ?? "high";
    this.#topic = new Topic(connection, `data:${sensorId}`, {
      params: () => ({ history: this.#asked, attention: this.#level, encoding: "binary" }),
      onJoin: (response) => this.#joined(response),
      onDown: () => this.emit("interrupted", undefined),
      onEnd: (error) => this.emit("ended", error),
      events: {
        measurements: (payload) => this.#binary(payload),
        measurement: (payload) => this.#arrived(readText(payload)),
        measurements_batch: (payload) => this.#arrived(readText(payload)),
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

  /** How much history a join asks for: after an interruption enough to see what was missed. */
  get #asked(): number {
    return this.#joins === 0 ? this.#history : Math.max(this.#history, leastHistory);
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

  /** After an interruption: what was missed comes before what is live, which is held meanwhile. */
  #resume(history: AttributeRuns[], cut: string[]): void {
    const held = new Held(this.#fill);
    this.#held = held;
    void this.#catchUp(history, cut, held).then(
      () => this.#release(held),
      () => undefined, // the connection broke again: the next join reads this, too
    );
  }

  async #catchUp(history: AttributeRuns[], cut: string[], held: Held): Promise<void> {
    for (const { attributeId, runs } of history) {
      const tail = this.#tail(attributeId);
      const begins = firstTime(runs);
      const whole = sizeOf(runs) < this.#asked && !cut.includes(attributeId);
      // An attribute of which nothing was given has appeared meanwhile: all of it is new.
      const span = { from: tail.span?.from ?? 0, to: (begins ?? 0) + microsecond };
      const missed = begins === undefined || whole ? [] : await this.#missed(attributeId, span, held);
      if (this.#held !== held) return;
      this.#give({ attributeId, runs: tail.missing(tail.since(joinHistory(missed, runs))) }, "history");
    }
  }

  /** Reads what lies between what is remembered and where a history begins. */
  async #missed(attributeId: string, { from, to }: Span, held: Held): Promise<Run[]> {
    const runs: Run[] = [];
    let cursor = "";
    do {
      const page = await this.#page(attributeId, { from, to }, cursor);
      if (!page || (cursor && (sizeOf(runs) >= this.#fill || held.full))) {
        this.emit("gap", { attributeId, from: lastTime(runs) ?? from, to });
        return runs;
      }
      runs.push(...page.runs);
      cursor = page.next;
    } while (cursor);
    return runs;
  }

  /** Undefined where the server refuses. */
  async #page(attributeId: string, { from, to }: Span, cursor: string): Promise<{ runs: Run[]; next: string } | undefined> {
    const limit = Math.max(2, Math.min(pageSize, this.#fill));
    try {
      const page = await this.#topic.push("history", { attribute_id: attributeId, resolution: "raw", from, to, limit, ...(cursor && { cursor }) });
      return { runs: readRuns(list(page["samples"])), next: text(page["next"]) };
    } catch (err) {
      if (err instanceof ReplyError) return undefined;
      throw err;
    }
  }

  #release(held: Held): void {
    if (this.#held !== held) return;
    this.#held = undefined;
    for (const arrival of held.arrivals) this.#deliver(arrival);
  }

  #binary(payload: unknown): void {
    try {
      this.#arrived(readBinary(payload as ArrayBuffer));
    } catch (err) {
      this.emit("error", err instanceof Error ? err : new Error(String(err)));
    }
  }

  #arrived(arrival: Arrival): void {
    if (this.#held) this.#held.add(arrival);
    else this.#deliver(arrival);
  }

  #deliver({ attributes, lagged }: Arrival): void {
    for (const attribute of attributes) this.#give(attribute, "live");
    if (lagged > 0) this.emit("lagged", { samples: lagged });
  }

  #give({ attributeId, runs }: AttributeRuns, source: Chunk["source"]): void {
    const tail = this.#tail(attributeId);
    for (const run of runs) {
      tail.add(run);
      this.emit("chunk", { sensorId: this.sensorId, attributeId, source, ...run });
    }
  }

  #tail(attributeId: string): Tail {
    const tail = this.#tails.get(attributeId) ?? new Tail(2 * Math.max(this.#history, leastHistory));
    this.#tails.set(attributeId, tail);
    return tail;
  }
}

/** What was read up to and with the time at which a history begins, and the history, each sample once. */
function joinHistory(missed: Run[], history: Run[]): Run[] {
  if (missed.length === 0) return history;
  const known = new Tail(Infinity);
  for (const run of history) known.add(run);
  return [...known.missing(missed), ...history];
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
