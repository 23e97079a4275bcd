// Where history ends and live begins: no sample twice, and none missing.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Client, Device, SensorView } from "../src/index.js";
import { connect, Network, pairs, until, world } from "./world.js";

const rate = 512;

/** A device that measures at 512 Hz until it is stopped. Every value is another one. */
function stream(client: Client, sensorId = "ecg"): { device: Device; stop: () => Promise<number> } {
  const device = client.device({ sensorId, attributes: [{ attribute_id: "lead" }] });
  const start = Date.now();
  let n = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((Date.now() - start) * rate) / 1000);
    const times = Float64Array.from({ length: due - n }, (_, i) => start + ((n + i) * 1000) / rate);
    const values = Float64Array.from({ length: due - n }, (_, i) => n + i);
    if (!device.queueSamples("lead", times, values)) throw new Error("refused");
    n = due;
  }, 20);
  const stop = async () => {
    clearInterval(timer);
    await device.synced();
    return n;
  };
  return { device, stop };
}

/** The values that a view was given, in order. */
function given(view: SensorView): number[] {
  const values: number[] = [];
  view.on("chunk", (chunk) => values.push(...pairs(chunk).map(([, value]) => value as number)));
  return values;
}

/** Expects each value from the first that was given up to the last that was sent, once and in order. */
function expectWhole(values: number[], sent: number): void {
  const first = values[0]!;
  expect(values).toEqual(Array.from({ length: sent - first }, (_, i) => first + i));
}

test("viewers that come while a device streams at 512 Hz get every sample once", async () => {
  const { client } = await world();
  const { stop } = stream(client());
  const views: number[][] = [];
  await sleep(300);
  for (let i = 0; i < 12; i++) {
    views.push(given(client().sensor("ecg", { history: [10_000, 100, 10_000][i % 3]! })));
    await sleep(40 + 13 * i);
  }
  const sent = await stop();
  await until(() => views.every((values) => values.at(-1) === sent - 1));
  for (const values of views) expectWhole(values, sent);
  expect(views[0]![0]).toBe(0);
  expect(sent).toBeGreaterThan(rate);
});

test("viewers whose network is cut while a device streams get every sample once", async () => {
  const { program, token, client } = await world();
  const network = await new Network(program.url).listen();
  const { stop } = stream(client());
  // One whose history reaches over the cut, and those that have to read what lies between.
  const views = [10_000, 50, 0].map((history) => given(connect(network.url, token).sensor("ecg", { history })));
  await until(() => views.every((values) => values.length > 100));
  for (let cuts = 0; cuts < 4; cuts++) {
    network.cut();
    await sleep(150 + 250 * cuts);
    network.restore();
    await sleep(500);
    network.drop();
    await sleep(300);
  }
  const sent = await stop();
  await until(() => views.every((values) => values.at(-1) === sent - 1));
  for (const values of views) expectWhole(values, sent);
});

test("a viewer that asked for no history gets none after its network was cut either", async () => {
  const { program, token, client } = await world();
  const network = await new Network(program.url).listen();
  const { device, stop } = stream(client());
  await sleep(300);
  await device.synced();
  const values = given(connect(network.url, token).sensor("ecg", { history: 0 }));
  await until(() => values.length > 100);
  network.cut();
  await sleep(200);
  network.restore();
  const sent = await stop();
  await until(() => values.at(-1) === sent - 1);
  expect(values[0]).toBeGreaterThan(0);
  expectWhole(values, sent);
});

test("a gap that is too large to read back is told, and its bounds are right", async () => {
  const { program, token, client } = await world();
  const network = await new Network(program.url).listen();
  const { stop } = stream(client());
  const view = connect(network.url, token).sensor("ecg", { history: 10, fill: 20 }); // it remembers 1,000
  const values = given(view);
  const gaps: { attributeId: string; from: number; to: number }[] = [];
  view.on("gap", (gap) => gaps.push(gap));
  await until(() => values.length > 100);
  network.cut();
  await sleep(3000);
  network.restore();
  await until(() => gaps.length > 0);
  const sent = await stop();
  await until(() => values.at(-1) === sent - 1);
  const [gap] = gaps;
  const missing = new Set(Array.from({ length: sent }, (_, i) => i).slice(values[0]));
  for (const value of values) expect(missing.delete(value)).toBe(true); // none twice
  expect(missing.size).toBeGreaterThan(0);
  let inGap = 0;
  for await (const runs of client().samples("ecg", "lead", { from: gap!.from, to: gap!.to })) {
    for (const run of runs) inGap += pairs(run).filter(([, value]) => missing.delete(value as number)).length;
  }
  expect(missing.size).toBe(0);
  expect(inGap).toBeGreaterThan(0);
});

test("what comes merged after a stall is told, counts exactly, and is not given again after an interruption", async () => {
  const { program, token, client } = await world();
  const network = await new Network(program.url).listen();
  const device = client().device({ sensorId: "ecg" });
  const view = connect(network.url, token).sensor("ecg");
  await view.next("joined");
  let given = 0;
  let merged = 0;
  let lagged = 0;
  view.on("lagged", ({ samples }) => (lagged += samples));
  view.on("chunk", (chunk) => {
    if (chunk.kind !== "buckets") return void (given += chunk.times.length);
    for (const count of chunk.count) merged += count;
  });
  let sent = 0;
  const send = (n: number) => {
    const times = Float64Array.from({ length: n }, (_, i) => 1.7e12 + sent + i);
    device.queueSamples("lead", times, times.map(Math.sin));
    sent += n;
  };
  send(100);
  await until(() => given === 100);
  const resume = network.stall();
  for (let i = 0; i < 100; i++) {
    send(4000);
    device.flush();
    await device.synced(); // far more than the sockets between them hold
  }
  resume();
  await until(() => given + merged === sent);
  expect(merged).toBeGreaterThan(0);
  expect(lagged).toBeGreaterThan(0);
  const again = view.next("joined");
  network.drop();
  await again;
  send(1);
  await until(() => given + merged >= sent);
  await sleep(300);
  expect(given + merged).toBe(sent);
});
