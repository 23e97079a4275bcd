// The official client's own serializer against the golden frames: what it sends is
// what the server's tests read, and it understands what the server sends.
import { readFileSync } from "node:fs";
import * as phoenix from "phoenix";
import { describe, expect, test } from "vitest";

interface Golden {
  name: string;
  from: "client" | "server";
  vsn: string;
  text?: string;
  hex?: string;
  frame: {
    join_ref: string | number | null;
    ref: string | number | null;
    topic: string;
    event: string;
    status?: string;
    payload?: unknown;
    payload_hex?: string;
  };
}

// The published types leave the serializer out.
const { Serializer: serializer } = phoenix as unknown as {
  Serializer: {
    encode(message: object, done: (raw: string | ArrayBuffer) => void): void;
    decode(raw: string | ArrayBuffer, done: (message: object) => void): void;
  };
};

const frames: Golden[] = JSON.parse(readFileSync(new URL("../testdata/frames.json", import.meta.url), "utf8"));
const v2 = frames.filter((g) => g.vsn === "2.0.0");
const buffer = (hex: string) => new Uint8Array(Buffer.from(hex, "hex")).buffer;

describe("the server's frames, read by the official client", () => {
  test.each(v2.filter((g) => g.from === "server"))("$name", (g) => {
    const { payload, payload_hex, status, ...rest } = g.frame;
    const body = payload_hex === undefined ? payload : buffer(payload_hex);
    const want = { ...rest, payload: status === undefined ? body : { status, response: body } };
    let got: object | undefined;
    serializer.decode(g.text ?? buffer(g.hex ?? ""), (message) => (got = message));
    expect(got).toEqual(want);
  });
});

describe("the client's frames, made by the official client", () => {
  test.each(v2.filter((g) => g.from === "client"))("$name", (g) => {
    const { payload, payload_hex, ...rest } = g.frame;
    if (g.hex !== undefined && rest.join_ref === null) return; // the official client always has one
    let got: string | ArrayBuffer | undefined;
    serializer.encode({ ...rest, payload: payload_hex === undefined ? payload : buffer(payload_hex) }, (raw) => (got = raw));
    if (typeof got === "string") expect(JSON.parse(got)).toEqual(JSON.parse(g.text ?? ""));
    else expect(Buffer.from(got ?? new ArrayBuffer()).toString("hex")).toBe(g.hex);
  });
});

describe("V1", () => {
  test.each(frames.filter((g) => g.vsn === "1.0.0"))("$from: $name", (g) => {
    const got = JSON.parse(g.text ?? "");
    expect({ join_ref: null, ...got }).toEqual(g.frame);
    if (g.from === "server") expect(Object.keys(got).sort()).toEqual(["event", "payload", "ref", "topic"]);
  });
});
