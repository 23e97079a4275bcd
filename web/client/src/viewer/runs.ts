import { decodeColumns } from "../columns.js";
import { isObject, type Json, list, number, object, text } from "../guards.js";
import type { Run } from "../types.js";

/** The runs of one attribute. */
export interface AttributeRuns {
  attributeId: string;
  runs: Run[];
}

/** What one frame brought of one sensor. */
export interface Arrival {
  attributes: AttributeRuns[];
  /** Samples that were not sent one by one since the last frame of the topic. */
  lagged: number;
}

/** Reads a binary `measurements` event. It throws ColumnsError for a malformed body. */
export function readBinary(body: ArrayBuffer): Arrival {
  const { header, columns } = decodeColumns(body);
  const attributes = columns.map(({ attributeId, timestamps: times, values }): AttributeRuns => {
    for (let i = 0; i < times.length; i++) times[i] = times[i]! / 1000; // µs to ms, in place
    return { attributeId, runs: [{ kind: "samples", times, values }] };
  });
  return { attributes, lagged: header.lagged ?? 0 };
}

/** Reads a `measurement` or a `measurements_batch` event. */
export function readText(payload: unknown): Arrival {
  const p = object(payload);
  const items = "measurements" in p ? list(p["measurements"]) : [p];
  const byAttribute = new Map<string, unknown[]>();
  for (const item of items) {
    const id = text(object(item)["attribute_id"]);
    const same = byAttribute.get(id);
    if (same) same.push(item);
    else byAttribute.set(id, [item]);
  }
  return { attributes: readAttributes(byAttribute), lagged: number(p["lagged"]) };
}

/** Reads lists of samples and buckets by attribute id: histories, and the sensors of a `sensor_batch`. */
export function readLists(lists: unknown): AttributeRuns[] {
  return readAttributes(Object.entries(object(lists)).map(([id, items]) => [id, list(items)]));
}

function readAttributes(lists: Iterable<[string, readonly unknown[]]>): AttributeRuns[] {
  return Array.from(lists, ([attributeId, items]) => ({ attributeId, runs: readRuns(items) }));
}

type Kind = Run["kind"];

/** Reads a list of samples and buckets, in order. What is neither is left out. */
export function readRuns(items: readonly unknown[]): Run[] {
  const runs: Run[] = [];
  for (let from = 0; from < items.length; ) {
    const kind = kindOf(items[from]);
    let to = from + 1;
    while (to < items.length && kindOf(items[to]) === kind) to++;
    if (kind) runs.push(readers[kind](items.slice(from, to) as Json[]));
    from = to;
  }
  return runs;
}

function kindOf(item: unknown): Kind | undefined {
  if (!isObject(item)) return undefined;
  if ("payload" in item) return typeof item["payload"] === "number" ? "samples" : "documents";
  return "min" in item ? "buckets" : undefined;
}

function column(items: Json[], key: string): Float64Array {
  const values = new Float64Array(items.length);
  for (let i = 0; i < items.length; i++) values[i] = number(items[i]![key]);
  return values;
}

const readers: Record<Kind, (items: Json[]) => Run> = {
  samples: (items) => ({ kind: "samples", times: column(items, "timestamp"), values: column(items, "payload") }),
  documents: (items) => ({ kind: "documents", times: column(items, "timestamp"), payloads: items.map((item) => item["payload"]) }),
  buckets: (items) => ({
    kind: "buckets",
    from: column(items, "from"),
    to: column(items, "to"),
    min: column(items, "min"),
    max: column(items, "max"),
    mean: column(items, "mean"),
    first: column(items, "first"),
    last: column(items, "last"),
    count: column(items, "count"),
  }),
};
