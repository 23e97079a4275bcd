import type { Run } from "../types.js";

type Values = Exclude<Run, { kind: "buckets" }>;
type Key = number | string;

/**
 * What a viewer was given of one attribute lately: enough to tell, after an
 * interruption, what of a history is new. It keeps the runs as they came.
 *
 * Samples with the same time and the same value cannot be told apart, and need not
 * be: what counts is how many there are of each.
 */
export class Tail {
  #capacity: number;
  #runs: Run[] = [];
  #size = 0;
  #begins = -Infinity; // the least time of the run that was given first

  /** Remembers at least so many of the last samples and buckets. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The least and the greatest time of what is remembered; undefined where that is nothing. */
  get span(): { from: number; to: number } | undefined {
    const span = { from: Infinity, to: -Infinity };
    for (const run of this.#runs) {
      const [begins, ends] = run.kind === "buckets" ? [run.from, run.to] : [run.times, run.times];
      for (const time of begins) span.from = Math.min(span.from, time);
      for (const time of ends) span.to = Math.max(span.to, time);
    }
    return span.from <= span.to ? span : undefined;
  }

  add(run: Run): void {
    if (this.#begins === -Infinity && lengthOf(run) > 0) this.#begins = timesOf(run).reduce((least, time) => Math.min(least, time), Infinity);
    this.#runs.push(run);
    this.#size += lengthOf(run);
    while (this.#runs.length > 1 && this.#size - lengthOf(this.#runs[0]!) >= this.#capacity) this.#size -= lengthOf(this.#runs.shift()!);
  }

  /** What of the runs is not from before the first that was given: the viewer did not ask for that. */
  since(runs: readonly Run[]): Run[] {
    return runs.flatMap((run) => {
      if (run.kind === "buckets") return [run];
      const later = Array.from(run.times.keys()).filter((i) => run.times[i]! >= this.#begins);
      return later.length === run.times.length ? [run] : later.length > 0 ? [pick(run, later)] : [];
    });
  }

  /** What of the runs was not given yet. What came merged counts as given. */
  missing(runs: readonly Run[]): Run[] {
    const given = new Given(this.#runs);
    return runs.flatMap((run) => (run.kind === "buckets" ? [run] : given.missing(run)));
  }
}

function timesOf(run: Run): Float64Array {
  return run.kind === "buckets" ? run.from : run.times;
}

function lengthOf(run: Run): number {
  return timesOf(run).length;
}

/** How many of each sample were given. */
class Given {
  #counts = new Map<number, Map<Key, number>>(); // by time and value
  #merged: { from: number; to: number }[] = [];

  constructor(runs: readonly Run[]) {
    for (const run of runs) {
      if (run.kind === "buckets") run.from.forEach((from, i) => this.#merged.push({ from, to: run.to[i]! }));
      else run.times.forEach((time, i) => this.#count(time, keyOf(run, i)));
    }
  }

  missing(run: Values): Run[] {
    const fresh: number[] = [];
    run.times.forEach((time, i) => {
      if (!this.#take(time, keyOf(run, i)) && !this.#merged.some(({ from, to }) => from <= time && time <= to)) fresh.push(i);
    });
    return fresh.length > 0 ? [pick(run, fresh)] : [];
  }

  #count(time: number, key: Key): void {
    const keys = this.#counts.get(time) ?? new Map<Key, number>();
    this.#counts.set(time, keys.set(key, (keys.get(key) ?? 0) + 1));
  }

  /** Takes one such sample off what was given, and reports whether there was one. */
  #take(time: number, key: Key): boolean {
    const keys = this.#counts.get(time);
    const left = keys?.get(key) ?? 0;
    if (left > 0) keys!.set(key, left - 1);
    return left > 0;
  }
}

function keyOf(run: Values, i: number): Key {
  return run.kind === "samples" ? run.values[i]! : JSON.stringify(run.payloads[i]);
}

function pick(run: Values, indexes: number[]): Run {
  const times = Float64Array.from(indexes, (i) => run.times[i]!);
  if (run.kind === "samples") return { kind: "samples", times, values: Float64Array.from(indexes, (i) => run.values[i]!) };
  return { kind: "documents", times, payloads: indexes.map((i) => run.payloads[i]) };
}
