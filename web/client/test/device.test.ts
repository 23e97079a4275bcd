// Devices against the real server.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Events, stored, until, world } from "./world.js";

test("measurements reach the server's disk, numbers bit for bit and times to the µs", async () => {
  const { client } = await world();
  const c = client();
  const device = c.device({ sensorId: "strap", attributes: [{ attribute_id: "hr", unit: "bpm" }] });
  const at = 1_700_000_000_000;
  const sent: [number, unknown][] = [
    [at, 72],
    [at + 0.001, 0.1],
    [at + 0.001, 0.1],
    [at + 1, { note: "ü" }],
    [at + 2, -0],
    [at + 3, 5e-324],
  ];
  for (const [timestamp, payload] of sent) expect(device.queueMeasurement({ attribute_id: "hr", payload, timestamp })).toBe(true);
  await device.synced();
  expect(device.unsent).toBe(0);
  expect(await stored(c, "strap", "hr")).toEqual(sent);
});

test("what is queued in one go is sent in frames that the server takes", async () => {
  const { client } = await world();
  const c = client();
  const device = c.device({ sensorId: "walk" });
  const count = 30_000;
  for (let i = 0; i < count; i++) {
    device.queueMeasurement({ attribute_id: "imu", payload: { x: i, y: -i, z: 1 }, timestamp: 1_700_000_000_000 + i });
    device.queueMeasurement({ attribute_id: "level", payload: i, timestamp: 1_700_000_000_000 + i });
  }
  device.flush();
  await device.synced();
  expect((await stored(c, "walk", "imu")).at(-1)).toEqual([1_700_000_000_000 + count - 1, { x: count - 1, y: 1 - count, z: 1 }]);
  expect((await stored(c, "walk", "level")).length).toBe(count);
});

test("the server decides when a device sends", async () => {
  const { client } = await world();
  const c = client();
  const device = c.device({ sensorId: "strap" });
  const configs = Events.of(device, "backpressure");
  await configs.find((b) => b.attentionLevel === "none" && b.batchSize === 20);
  device.queueMeasurement({ attribute_id: "hr", payload: 1, timestamp: Date.now() });
  await device.saved();
  await sleep(100);
  expect(device.unsent).toBe(1); // the window is 5 s
  const view = client().sensor("strap");
  const chunks = Events.of(view, "chunk");
  await configs.find((b) => b.attentionLevel === "high");
  await until(() => device.unsent === 0); // at once
  device.queueMeasurement({ attribute_id: "hr", payload: 2, timestamp: Date.now() });
  await chunks.find((chunk) => chunk.kind === "samples" && chunk.values[0] === 2);
});

test("kill -9 of the server in mid-stream, and a restart: the history is what was sent", async () => {
  const { program, client } = await world();
  const c = client();
  const device = c.device({ sensorId: "strap" });
  const sent: [number, unknown][] = [];
  const start = Date.now();
  let running = true;
  const measuring = (async () => {
    for (let i = 0; running; i++) {
      const timestamp = start + i * 2;
      sent.push([timestamp, i]);
      expect(device.queueMeasurement({ attribute_id: "n", payload: i, timestamp })).toBe(true);
      await sleep(1);
    }
  })();
  client().sensor("strap"); // somebody looks: every measurement is sent at once
  for (let kills = 0; kills < 3; kills++) {
    await sleep(400);
    await program.kill();
    await sleep(100);
    await program.start();
  }
  await sleep(300);
  running = false;
  await measuring;
  await device.synced();
  expect(await stored(c, "strap", "n")).toEqual(sent);
  expect(sent.length).toBeGreaterThan(300);
});

test("attributes are registered, changed and unregistered, also before the connection is there", async () => {
  const { client } = await world();
  const c = client();
  const state = c.sensorState("strap");
  const states = Events.of(state, "changed");
  const device = c.device({ sensorId: "strap", attributes: [{ attribute_id: "hr" }] });
  await device.registerAttribute({ attribute_id: "temp", unit: "°C" });
  await states.find((s) => s.attributes.some((a) => a.id === "temp" && a.unit === "°C"));
  await device.registerAttribute({ attribute_id: "temp", unit: "K" });
  await states.find((s) => s.attributes.some((a) => a.id === "temp" && a.unit === "K"));
  await until(() => device.state === "online");
  await device.discover("battery", 81);
  await states.find((s) => s.attributes.some((a) => a.id === "battery"));
  await device.unregisterAttribute("temp");
  await states.find((s) => s.attributes.some((a) => a.id === "battery") && !s.attributes.some((a) => a.id === "temp"));
});
