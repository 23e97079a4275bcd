// Binary measurements of viewers: the golden columns, read as runs.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeColumns, encodeColumns } from "../src/index.js";
import { readBinary, readRuns, readText } from "../src/viewer/runs.js";

interface Golden {
  name: string;
  hex: string;
  lagged?: number;
  columns: { attribute_id: string; timestamps: number[]; values: number[] }[];
}

function golden<T>(file: string): T[] {
  return JSON.parse(readFileSync(new URL(`../../../testdata/${file}`, import.meta.url), "utf8"));
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

describe("golden columns", () => {
  test.each(golden<Golden>("columns.json"))("$name", (g) => {
    const { attributes, lagged } = readBinary(bytes(g.hex).slice().buffer);
    expect(lagged).toBe(g.lagged ?? 0);
    const all = new Map<string, [number, number][]>();
    for (const { attributeId, runs } of attributes) {
      for (const run of runs) {
        if (run.kind !== "samples") throw new Error(run.kind);
        all.set(attributeId, [...(all.get(attributeId) ?? []), ...Array.from(run.times, (t, i): [number, number] => [t, run.values[i]!])]);
      }
    }
    const want = new Map<string, [number, number][]>();
    for (const c of g.columns) want.set(c.attribute_id, [...(want.get(c.attribute_id) ?? []), ...c.timestamps.map((t, i): [number, number] => [t / 1000, c.values[i]!])]);
    expect(all).toEqual(want);
  });
});

test("a body at an odd place in its buffer is read", () => {
  const body = new Uint8Array(encodeColumns({}, [{ attributeId: "a", times: "explicit", timestamps: [1e15, 1e15 + 5], form: "float64", values: [1.5, -2] }]));
  const moved = new Uint8Array(body.length + 3);
  moved.set(body, 3);
  const [column] = decodeColumns(moved.subarray(3)).columns;
  expect([...column!.timestamps]).toEqual([1e15, 1e15 + 5]);
  expect([...column!.values]).toEqual([1.5, -2]);
});

test("lists of samples, documents and buckets become runs, in order", () => {
  const bucket = { min: 1, max: 3, mean: 2, first: 1, last: 3, count: 5, from: 10, to: 20 };
  const runs = readRuns([{ payload: 1, timestamp: 1 }, { payload: 2, timestamp: 2.5 }, bucket, { payload: "x", timestamp: 30 }, { payload: null, timestamp: 31 }, "nonsense", { payload: 4, timestamp: 40 }]);
  expect(runs.map((r) => r.kind)).toEqual(["samples", "buckets", "documents", "samples"]);
  expect(runs[0]).toEqual({ kind: "samples", times: Float64Array.of(1, 2.5), values: Float64Array.of(1, 2) });
  expect(runs[1]).toMatchObject({ from: Float64Array.of(10), to: Float64Array.of(20), count: Float64Array.of(5) });
  expect(runs[2]).toEqual({ kind: "documents", times: Float64Array.of(30, 31), payloads: ["x", null] });
});

test("a batch of several attributes is read by attribute", () => {
  const m = (attribute_id: string, payload: unknown, timestamp: number) => ({ attribute_id, payload, timestamp });
  const { attributes, lagged } = readText({ sensor_id: "s", measurements: [m("a", 1, 1), m("b", 2, 1), m("a", 3, 2)], lagged: 7 });
  expect(lagged).toBe(7);
  expect(attributes.map((a) => [a.attributeId, a.runs.length])).toEqual([["a", 1], ["b", 1]]);
  expect(readText(m("a", 5, 9)).attributes).toEqual([{ attributeId: "a", runs: [{ kind: "samples", times: Float64Array.of(9), values: Float64Array.of(5) }] }]);
});
