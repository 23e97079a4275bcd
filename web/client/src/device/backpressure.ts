import { attentionLevel, loadLevel, object } from "../guards.js";
import type { Backpressure, Measurement } from "../types.js";
import type { Outbox } from "./outbox.js";

/** What counts until the server has said anything. */
const initial: Backpressure = { attentionLevel: "none", batchSize: 20, batchWindow: 5000, paused: false, loadLevel: "normal" };

/**
 * Decides when a device sends: when so many measurements wait, or the oldest for so
 * long, as the server asks for, whichever comes first; and at once when somebody
 * begins to look. While the server asks for a pause it sends nothing.
 */
export class BackpressureManager {
  #outbox: Outbox;
  #config = initial;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0; // when the oldest of what waits came

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
    outbox.on("waiting", () => this.#decide());
  }

  /** What the server asks for at present. */
  get config(): Backpressure {
    return this.#config;
  }

  /** Takes a measurement; false says that the outbox is full and it was refused. */
  queueMeasurement(measurement: Measurement): boolean {
    return this.#outbox.add(measurement.attribute_id, measurement.timestamp, measurement.payload);
  }

  /** Takes many samples of one attribute: all of them, or none and false. */
  queueSamples(attributeId: string, times: Float64Array, values: Float64Array): boolean {
    return this.#outbox.addColumns(attributeId, times, values);
  }

  /** Sends what waits now, unless the server asked for a pause. */
  flush(): void {
    this.#stopTimer();
    this.#outbox.flush();
  }

  /** Follows a `backpressure_config`. What it leaves out or says wrongly stays as it was. */
  follow(payload: unknown): Backpressure {
    const before = this.#config;
    const p = object(payload);
    this.#config = {
      attentionLevel: attentionLevel(p["attention_level"]) ?? before.attentionLevel,
      batchSize: positive(p["recommended_batch_size"]) ?? before.batchSize,
      batchWindow: positive(p["recommended_batch_window"]) ?? before.batchWindow,
      paused: typeof p["paused"] === "boolean" ? p["paused"] : before.paused,
      loadLevel: loadLevel(p["load_level"]) ?? before.loadLevel,
    };
    this.#outbox.pause(this.#config.paused);
    if (this.#config.attentionLevel === "high" && before.attentionLevel !== "high") this.flush();
    else this.#restartTimer();
    return this.#config;
  }

  close(): void {
    this.#stopTimer();
  }

  #decide(): void {
    const { waiting } = this.#outbox;
    if (waiting === 0) return this.#stopTimer();
    if (waiting >= this.#config.batchSize) return this.flush();
    if (this.#timer === undefined) {
      this.#since = performance.now();
      this.#restartTimer();
    }
  }

  #restartTimer(): void {
    const { waiting } = this.#outbox;
    this.#stopTimer();
    if (waiting === 0) return;
    if (waiting >= this.#config.batchSize) return this.flush();
    const left = this.#config.batchWindow - (performance.now() - this.#since);
    this.#timer = setTimeout(() => this.flush(), Math.max(0, left));
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
