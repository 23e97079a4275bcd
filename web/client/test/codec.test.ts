import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Column, ColumnsError, decodeColumns, encodeColumns } from "../src/columns.js";

interface GoldenColumn {
  attribute_id: string;
  times: "regular" | "explicit";
  origin?: number;
  first?: number;
  rate?: number;
  form: "int16" | "int32" | "float32" | "float64";
  baseline?: number;
  gain?: number;
  raw?: number[];
  timestamps: number[];
  values: number[];
}

interface Golden {
  name: string;
  hex: string;
  stream?: string;
  seq?: number;
  lagged?: number;
  columns: GoldenColumn[];
}

function golden<T>(file: string): T[] {
  return JSON.parse(readFileSync(new URL(`../../../testdata/${file}`, import.meta.url), "utf8"));
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

function source(g: GoldenColumn): Column {
  const times =
    g.times === "regular"
      ? ({ times: g.times, origin: g.origin ?? 0, first: g.first ?? 0, rate: g.rate ?? 0 } as const)
      : ({ times: g.times, timestamps: g.timestamps } as const);
  const values =
    g.form === "int16" || g.form === "int32"
      ? { form: g.form, raw: g.raw ?? [], baseline: g.baseline ?? 0, gain: g.gain ?? 0 }
      : { form: g.form, values: g.values };
  return { attributeId: g.attribute_id, ...times, ...values };
}

// A column may arrive in pieces: what counts is what an attribute's samples are.
function byAttribute(columns: { id: string; timestamps: ArrayLike<number>; values: ArrayLike<number> }[]) {
  const all = new Map<string, [number, number][]>();
  for (const c of columns) {
    const list = all.get(c.id) ?? [];
    Array.from(c.timestamps, (t, i) => list.push([t, c.values[i] ?? NaN]));
    all.set(c.id, list);
  }
  return all;
}

describe("golden columns", () => {
  const entries = golden<Golden>("columns.json");
  test.each(entries)("decodes $name", (g) => {
    const { header, columns } = decodeColumns(bytes(g.hex));
    const seq = g.seq === undefined ? undefined : BigInt(g.seq);
    expect(header).toEqual({ ...(g.stream && { stream: g.stream, seq }), ...(g.lagged && { lagged: g.lagged }) });
    const got = byAttribute(columns.map((c) => ({ ...c, id: c.attributeId })));
    expect(got).toStrictEqual(byAttribute(g.columns.map((c) => ({ ...c, id: c.attribute_id }))));
  });
  test.each(entries)("encodes $name", (g) => {
    const header = { stream: g.stream, seq: g.seq === undefined ? undefined : BigInt(g.seq), lagged: g.lagged };
    const body = encodeColumns(header, g.columns.map(source));
    expect(Buffer.from(body).toString("hex")).toBe(g.hex);
  });
});

test.each(golden<{ name: string; hex: string; reason: string }>("columns_malformed.json"))("refuses $name", (g) => {
  let refusal: unknown;
  try {
    decodeColumns(bytes(g.hex));
  } catch (err) {
    refusal = err;
  }
  expect(refusal).toBeInstanceOf(ColumnsError);
  expect((refusal as ColumnsError).reason).toBe(g.reason);
});

test("refuses to encode what nobody would read", () => {
  const column = { attributeId: "a", times: "explicit", timestamps: [1, 2], form: "float64", values: [1] } as const;
  expect(() => encodeColumns({}, [column])).toThrow("invalid_columns");
  expect(() => encodeColumns({}, [{ ...column, values: [1, NaN] }])).toThrow("invalid_payload");
  expect(() => encodeColumns({}, [{ ...column, attributeId: "a b", values: [1, 2] }])).toThrow("invalid_attribute_id");
});
