// The main job: a recording streams through the program as from a device. A V2
// and a V1 client see every sample once, in order and to the bit, and so it
// reads back, however it is asked for, also after a restart.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Channel } from "phoenix";
import { describe, expect, test } from "vitest";
import { connect, join } from "./official";
import { PlainV1 } from "./plain";
import { Program, sensocto, temporaryDirectory } from "./program";
import { beginningOf100, generateRecord, invalid, type WFDBRecord, writeRecord } from "./record";

const start = 1_767_225_600_000; // Unix ms
const shared = fileURLToPath(new URL("../../shared/data", import.meta.url));

interface Sample {
  timestamp: number;
  payload: number;
}
type Samples = Map<string, Sample[]>; // by attribute

/** What has to come out: sample i at start + i/rate to the µs, (adc − baseline) / gain. */
function expected(record: WFDBRecord): Samples {
  return new Map(
    record.signals.map((s) => {
      const samples: Sample[] = [];
      s.adc.forEach((adc, i) => {
        const timestamp = (start * 1000 + Math.round((i * 1e6) / record.rate)) / 1000;
        if (adc !== invalid) samples.push({ timestamp, payload: (adc - s.baseline) / s.gain });
      });
      return [s.name.replaceAll(" ", "_"), samples];
    }),
  );
}

const count = (samples: Samples) => [...samples.values()].reduce((n, list) => n + list.length, 0);

/** Says where two lists differ first: a difference of thousands of lines helps nobody. */
function compare(got: Sample[], want: Sample[]): void {
  const i = want.findIndex((w, i) => !Object.is(w.payload, got[i]?.payload) || w.timestamp !== got[i]?.timestamp);
  expect({ i, sample: got[i] }).toEqual({ i: -1, sample: undefined });
  expect(got.length).toBe(want.length);
}

/** A viewer's log of data:, fed with the payloads of its two events. */
class Log {
  readonly samples: Samples = new Map();
  readonly lagged: unknown[] = [];
  private n = 0;
  readonly complete: Promise<void>;
  private resolve = () => {};

  constructor(private readonly total: number) {
    this.complete = new Promise((resolve) => (this.resolve = resolve));
  }

  take(payload: any): void {
    if (payload.lagged) this.lagged.push(payload.lagged);
    for (const { attribute_id, payload: value, timestamp } of payload.measurements ?? [payload]) {
      if (!this.samples.has(attribute_id)) this.samples.set(attribute_id, []);
      this.samples.get(attribute_id)!.push({ timestamp, payload: value });
      if (++this.n === this.total) this.resolve();
    }
  }

  check(want: Samples): void {
    expect(this.lagged).toEqual([]);
    expect([...this.samples.keys()].sort()).toEqual([...want.keys()].sort());
    for (const [id, samples] of want) compare(this.samples.get(id) ?? [], samples);
  }
}

async function watchV2(program: Program, token: string, id: string, log: Log): Promise<Channel> {
  const { channel } = await join(connect(program, token), `data:${id}`);
  channel.on("measurement", (payload) => log.take(payload));
  channel.on("measurements_batch", (payload) => log.take(payload));
  return channel;
}

async function watchV1(program: Program, token: string, id: string, log: Log): Promise<PlainV1> {
  const v1 = await PlainV1.dial(program);
  v1.raw.ws.on("message", (text) => {
    const { topic, event, payload } = JSON.parse(String(text));
    if (topic === `data:${id}` && event.startsWith("measurement")) log.take(payload);
  });
  expect((await v1.request(`data:${id}`, "phx_join", { bearer_token: token })).status).toBe("ok");
  return v1;
}

const fromCSV = (text: string): Sample[] => {
  const [head, ...lines] = text.trimEnd().split("\n");
  expect(head).toBe("timestamp,payload");
  return lines.map((line) => {
    const [timestamp, payload] = line.split(",").map(Number);
    return { timestamp: timestamp!, payload: payload! };
  });
};

/** Reads every attribute in every way and compares it. */
async function readsBack(program: Program, token: string, id: string, want: Samples): Promise<void> {
  for (const [attribute, samples] of want) {
    const path = `/api/v1/sensors/${id}/attributes/${attribute}/measurements?`;
    const pages: Sample[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const page: { measurements: Sample[]; next: string | null } = JSON.parse(
        await program.get(`${path}limit=7001${next && `&next=${next}`}`, token),
      );
      pages.push(...page.measurements);
      next = page.next;
    }
    compare(pages, samples);
    compare(fromCSV(await program.get(`${path}limit=50000&format=csv`, token)), samples);
    compare(fromCSV(await program.get(`${path}limit=50000`, token, "text/csv")), samples);
    const read = ["read", id, attribute, "--server", program.url];
    compare(fromCSV(await sensocto(read, { SENSOCTO_TOKEN: token })), samples);
    compare(JSON.parse(await sensocto([...read, "--format", "json"], { SENSOCTO_TOKEN: token })).measurements, samples);
    const middle = samples.slice(100, 200);
    const bounds = ["--from", String(middle[0]!.timestamp), "--to", String(samples[200]!.timestamp)];
    compare(fromCSV(await sensocto([...read, ...bounds], { SENSOCTO_TOKEN: token })), middle);
  }
}

async function replayed(record: WFDBRecord, speed: string): Promise<void> {
  const program = await Program.start();
  const token = await program.token("ingest,view");
  const want = expected(record);
  const [v2, v1] = [new Log(count(want)), new Log(count(want))];
  const channel = await watchV2(program, token, record.name, v2);
  const plain = await watchV1(program, token, record.name, v1);
  const header = writeRecord(temporaryDirectory(), record);
  const flags = ["--server", program.url, "--speed", speed, "--start", String(start), "--quiet"];
  await sensocto(["replay", header, ...flags], { SENSOCTO_TOKEN: token });
  await Promise.all([v2.complete, v1.complete]);
  // An answer comes after everything that was sent before it.
  await plain.request("phoenix", "heartbeat", {});
  await new Promise<void>((resolve) => channel.push("visibility_changed", { visible: false }).receive("ok", () => resolve()));
  v2.check(want);
  v1.check(want);
  await readsBack(program, token, record.name, want);
  expect(await program.stop()).toBe(0);
  await program.start();
  await readsBack(program, token, record.name, want);
}

describe("replay", () => {
  test("a generated record of 20 s", () => replayed(generateRecord("gen-20s", 20), "20"), 60_000);
  test.skipIf(!existsSync(`${shared}/100.dat`))(
    "the first minute of record 100 (skipped where ../shared/data has no 100.dat)",
    () => replayed(beginningOf100(shared, 60), "20"),
    60_000,
  );
});
