// Viewers against the real server.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ReplyError } from "../src/index.js";
import { connect, Events, Network, pairs, until, world } from "./world.js";

test("many sensors over one topic, by level", async () => {
  const { client } = await world();
  const ids = ["s1", "s2", "s3"];
  const devices = ids.map((sensorId) => client().device({ sensorId }));
  const levels = devices.map((d) => Events.of(d, "backpressure"));
  const viewer = client().viewer();
  const chunks = Events.of(viewer, "chunk");
  const { sensors, refused } = await viewer.watch([...ids, "not an id"], "high");
  expect(sensors.map((s) => s.sensor_id)).toEqual(ids);
  expect(refused).toEqual(["not an id"]);
  expect([...viewer.watched.keys()]).toEqual(ids);
  await Promise.all(levels.map((events) => events.find((b) => b.attentionLevel === "high")));
  devices.forEach((d, i) => d.queueMeasurement({ attribute_id: "a", payload: i, timestamp: 1.7e12 + i }));
  for (const [i, id] of ids.entries()) {
    const chunk = await chunks.find((c) => c.sensorId === id);
    expect({ ...chunk, pairs: pairs(chunk) }).toMatchObject({ kind: "samples", source: "live", attributeId: "a", pairs: [[1.7e12 + i, i]] });
  }
  await viewer.setAttention({ s1: "low", s2: "medium", unknown: "high" });
  await levels[0]!.find((b) => b.attentionLevel === "low" && b.batchSize === 10);
  await levels[1]!.find((b) => b.attentionLevel === "medium");
  await viewer.setBattery(0.1, false);
  await levels[2]!.find((b) => b.attentionLevel === "low");
  await viewer.setBattery(0.1, true);
  await viewer.setVisible(false);
  await Promise.all(levels.map((events) => events.find((b) => b === events.all.at(-1) && b.attentionLevel === "none" && events.all.length > 2)));
  await viewer.setVisible(true);
  await until(() => levels[2]!.all.at(-1)?.attentionLevel === "high" && levels[1]!.all.at(-1)?.attentionLevel === "medium");
  await viewer.unwatch(["s3"]);
  await until(() => levels[2]!.all.at(-1)?.attentionLevel === "none");
});

test("after an interruption a viewer watches again at the levels it had, hidden where it was hidden", async () => {
  const { program, token, client } = await world();
  const device = client().device({ sensorId: "s1" });
  const levels = Events.of(device, "backpressure");
  const network = await new Network(program.url).listen();
  const viewer = connect(network.url, token).viewer();
  const resumed = Events.of(viewer, "resumed");
  await viewer.watch(["s1"], "medium");
  await levels.find((b) => b.attentionLevel === "medium");
  network.drop();
  await resumed.find(({ sensors }) => sensors[0]?.sensor_id === "s1");
  await until(() => levels.all.at(-1)?.attentionLevel === "medium");
  await viewer.setVisible(false);
  await until(() => levels.all.at(-1)?.attentionLevel === "none");
  const told = levels.all.length;
  network.drop();
  await until(() => resumed.all.length === 2);
  await sleep(200);
  expect(levels.all.slice(told)).toEqual([]);
});

test("a viewer that looks at a level sees merged stretches as buckets with exact counts", async () => {
  const { client } = await world();
  const device = client().device({ sensorId: "ecg" });
  const viewer = client().viewer();
  let count = 0;
  let buckets = 0;
  viewer.on("chunk", (chunk) => {
    if (chunk.kind === "samples") count += chunk.values.length;
    if (chunk.kind !== "buckets") return;
    buckets += chunk.count.length;
    chunk.count.forEach((n, i) => {
      count += n;
      expect(chunk.min[i]!).toBeLessThanOrEqual(chunk.mean[i]!);
      expect(chunk.mean[i]!).toBeLessThanOrEqual(chunk.max[i]!);
      expect(chunk.from[i]!).toBeLessThanOrEqual(chunk.to[i]!);
    });
  });
  await viewer.watch(["ecg"], "low");
  const start = Date.now();
  for (let block = 0; block < 10; block++) {
    const times = Float64Array.from({ length: 51 }, (_, i) => start + 100 * block + 2 * i);
    device.queueSamples("lead", times, times.map((t) => Math.sin(t / 100)));
    await sleep(100);
  }
  await device.synced();
  await until(() => count === 510);
  expect(buckets).toBeGreaterThan(0);
});

test("binary columns and documents of one sensor, and a command to its device", async () => {
  const { program, client } = await world();
  const device = client().device({ sensorId: "strap" });
  const operator = connect(program.url, await program.token("view,admin"));
  const view = operator.sensor("strap", { history: 0 });
  const chunks = Events.of(view, "chunk");
  await view.next("joined");
  device.queueMeasurement({ attribute_id: "a", payload: 1.5, timestamp: 1.7e12 + 0.001 });
  device.queueMeasurement({ attribute_id: "a", payload: { text: "ü" }, timestamp: 1.7e12 + 1 });
  await device.synced();
  const numbers = await chunks.find((c) => c.kind === "samples");
  expect(pairs(numbers)).toEqual([[1.7e12 + 0.001, 1.5]]);
  const documents = await chunks.find((c) => c.kind === "documents");
  expect(pairs(documents)).toEqual([[1.7e12 + 1, { text: "ü" }]]);
  const command = device.next("command");
  await view.command({ led: "on" });
  expect(await command).toEqual({ led: "on" });
});

test("a refused topic says why, and does not ask again", async () => {
  const { program } = await world();
  const view = connect(program.url, "nonsense").sensor("strap");
  const error = await view.next("ended");
  expect(error).toBeInstanceOf(ReplyError);
  expect(error).toMatchObject({ reason: "unauthorized", message: expect.stringContaining("check the token") });
  await expect(view.command({})).rejects.toBe(error);
});

test("a right that is taken back ends the view", async () => {
  const { program } = await world();
  const client = connect(program.url, await program.token("view", "lent"));
  const view = client.sensor("strap");
  await view.next("joined");
  const ended = view.next("ended");
  await program.revoke("lent");
  await ended;
});

test("the list of sensors follows what comes and goes", async () => {
  const { client } = await world();
  const first = client().device({ sensorId: "s1", sensorName: "First" });
  await until(() => first.state === "online");
  const list = client().sensors();
  await list.loaded();
  expect([...list.sensors.keys()]).toEqual(["s1"]);
  expect([...list.online]).toEqual(["s1"]);
  const second = client().device({ sensorId: "s2" });
  await until(() => list.online.has("s2") && list.sensors.has("s2"));
  const gone = list.next("disconnected");
  await second.close();
  expect(await gone).toEqual({ sensorId: "s2" });
  expect([...list.online]).toEqual(["s1"]);
});

test("history at every zoom, and sample by sample", async () => {
  const { client } = await world();
  const c = client();
  const device = c.device({ sensorId: "ecg" });
  const start = 1_700_000_000_000;
  const times = Float64Array.from({ length: 20_000 }, (_, i) => start + 2 * i);
  device.queueSamples("lead", times, times.map((_, i) => i % 1000));
  await device.synced();
  const far = await c.history("ecg", "lead", { maxBuckets: 50 });
  expect(far.points).toBe("buckets");
  const [buckets] = far.runs;
  if (buckets?.kind !== "buckets") throw new Error("no buckets");
  expect(buckets.count.reduce((a, b) => a + b)).toBe(20_000);
  expect([Math.min(...buckets.min), Math.max(...buckets.max)]).toEqual([0, 999]);
  const near = await c.history("ecg", "lead", { from: start + 100, to: start + 200 });
  expect(near.points).toBe("samples");
  expect(near.runs.flatMap(pairs)).toEqual(Array.from({ length: 50 }, (_, i) => [start + 100 + 2 * i, 50 + i]));
  expect((await c.history("ecg", "lead", { resolution: 10_000 })).width).toBe(10_000);
  let n = 0;
  for await (const runs of c.samples("ecg", "lead", { pageSize: 3000 })) for (const run of runs) for (const [, value] of pairs(run)) expect(value).toBe(n++ % 1000);
  expect(n).toBe(20_000);
  await expect(c.history("nobody", "lead")).rejects.toThrow("404");
});
