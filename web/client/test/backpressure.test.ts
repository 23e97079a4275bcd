// When a device sends: the rules of docs/protocol.md, section 3, to the millisecond.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client, type Device, MemoryStore } from "../src/index.js";
import { Model } from "./model.js";

let model: Model;
let client: Client;
let device: Device;
let values = 0;

/** Lets everything that is ready happen, without time passing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) {
    await vi.advanceTimersByTimeAsync(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    await vi.advanceTimersByTimeAsync(Math.min(left, 1000));
    await settle();
  }
}

async function measure(n: number): Promise<void> {
  for (let i = 0; i < n; i++) device.queueMeasurement({ attribute_id: "a", payload: ++values, timestamp: 1.7e12 + values });
  await settle();
}

async function ask(config: object): Promise<void> {
  model.ask(config);
  await settle();
}

const arrived = () => model.stored.size;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  values = 0;
  model = new Model(["ok"]);
  client = new Client({ url: "http://server", store: new MemoryStore(), transport: model.transport(() => false) });
  device = client.device({ sensorId: "s" });
  await settle();
});

afterEach(async () => {
  await client.close();
  expect(vi.getTimerCount()).toBe(0); // everything ends with the client
  vi.useRealTimers();
});

test("at the size, before the window ends", async () => {
  await measure(19);
  expect(arrived()).toBe(0);
  await measure(1);
  expect(arrived()).toBe(20);
});

test("at the window of the oldest, before the size is reached", async () => {
  await measure(1);
  await pass(3000);
  await measure(1);
  await pass(1999);
  expect(arrived()).toBe(0);
  await pass(1);
  expect(arrived()).toBe(2);
});

test("at once when somebody begins to look", async () => {
  await measure(3);
  await ask({ attention_level: "low", recommended_batch_size: 10, recommended_batch_window: 1000, paused: false, load_level: "normal" });
  expect(arrived()).toBe(0);
  await ask({ attention_level: "high", recommended_batch_size: 1, recommended_batch_window: 50, paused: false, load_level: "normal" });
  expect(arrived()).toBe(3);
  await measure(1);
  expect(arrived()).toBe(4);
});

test("a new window counts from the oldest, and a smaller size at once", async () => {
  await measure(6);
  await pass(300);
  await ask({ recommended_batch_window: 1000 });
  await pass(699);
  expect(arrived()).toBe(0);
  await pass(1);
  expect(arrived()).toBe(6);
  await measure(6);
  await ask({ recommended_batch_size: 5 });
  expect(arrived()).toBe(12);
});

test("nothing while the server asks for a pause, and all of it afterwards", async () => {
  await ask({ paused: true });
  await measure(100);
  device.flush();
  await pass(60_000);
  expect(arrived()).toBe(0);
  expect(device.unsent).toBe(100);
  await ask({ paused: false });
  expect(arrived()).toBe(100);
});

test("what a configuration leaves out or says wrongly stays as it was", async () => {
  await ask({ attention_level: "medium", recommended_batch_size: 5, recommended_batch_window: 200, paused: false, load_level: "elevated" });
  const before = device.backpressure.config;
  await ask({ attention_level: "staring", recommended_batch_size: -1, recommended_batch_window: "soon", paused: 1, load_level: null });
  expect(device.backpressure.config).toEqual(before);
  expect(before).toEqual({ attentionLevel: "medium", batchSize: 5, batchWindow: 200, paused: false, loadLevel: "elevated" });
});

test("samples of hours without a connection go out in few large batches", async () => {
  model.cut();
  const times = Float64Array.from({ length: 50_000 }, (_, i) => 1.7e12 + i);
  device.queueSamples("a", times, times);
  await pass(20_000);
  expect(arrived()).toBe(50_000);
  expect(model.batches).toBeLessThan(20);
});
