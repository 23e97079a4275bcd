// What attention does when viewers are many, restless or gone, through the official client.

import { connect as dial, createServer, type AddressInfo, type Socket as Wire } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { connect, device, Events, join, reply } from "./official";
import { Program } from "./program";

const idle = ["--load-cores", "1000", "--load-memory", "1000GiB"];
const at = (level: string) => (config: any) => config.attention_level === level;

test("flapping does not reach the device", async () => {
  const program = await Program.start("--attention-hold", "1s", ...idle);
  const token = await program.token("ingest,view");
  const configs = Events.of(await device(connect(program, token), "s"), "backpressure_config");
  await configs.find(at("none"));
  const { channel } = await join(connect(program, token), "data:s");
  for (let i = 0; i < 60; i++) {
    await reply(channel.push("visibility_changed", { visible: i % 2 === 1 }));
    await sleep(20);
  }
  await reply(channel.push("visibility_changed", { visible: false }));
  await configs.find(at("none"));
  // none, high, none; and more where the machine stood still for a second
  expect(configs.all.length).toBeLessThanOrEqual(5);
});

test("a load spike reaches 500 devices, spread over time", async () => {
  const program = await Program.start("--load-cores", "0.25", "--load-calm", "100ms", "--load-memory", "1000GiB");
  const token = await program.token("ingest,view");
  const devices: Events[] = [];
  for (let i = 0; i < 10; i++) {
    const socket = connect(program, token);
    const channels = await Promise.all(Array.from({ length: 50 }, (_, k) => device(socket, `s${i}-${k}`)));
    for (const channel of channels) {
      devices.push(new Events((take) => channel.on("backpressure_config", (config) => take({ ...config, at: Date.now() }))));
    }
  }
  await join(connect(program, token), "data:s0-0");

  let over = false;
  const ids = Array.from({ length: 500 }, (_, i) => `nobody-${i}`);
  const flood = Array.from({ length: 4 }, async () => {
    const { channel } = await join(connect(program, token), "viewer:x");
    while (!over) await reply(channel.push("watch", { sensor_ids: ids })); // whoever asks much makes load
  });
  const spike = await Promise.all(devices.map((configs) => configs.find(({ load_level }) => load_level === "critical")));
  for (const { attention_level, recommended_batch_window, paused } of spike) {
    const window = attention_level === "high" ? 50 : 5000;
    expect({ recommended_batch_window, paused }).toEqual({ recommended_batch_window: 5 * window, paused: false });
  }
  expect(spike.filter(at("high"))).toHaveLength(1);
  const times = spike.map(({ at }) => at);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(500);
  over = true;
  await Promise.all(flood);
  await Promise.all(devices.map((configs) => configs.find(({ load_level }) => load_level === "normal")));
}, 120_000);

/** A proxy that can stop to pass anything on, without closing anything. */
async function hole(target: string) {
  const { hostname, port } = new URL(target);
  const wires: Wire[] = [];
  let gone = false;
  const server = createServer((near) => {
    const far = dial(Number(port), hostname);
    wires.push(near, far);
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on("data", (data) => gone || to.write(data));
      from.on("error", () => {});
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    for (const wire of wires) wire.destroy();
    server.close();
  });
  return {
    socketURL: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/socket`,
    swallow: () => (gone = true),
  };
}

test("a network that is gone without a word ends the look", async () => {
  const program = await Program.start("--limits-idle-timeout", "2s", "--attention-hold", "50ms", ...idle);
  const token = await program.token("ingest,view");
  const lively = { heartbeatIntervalMs: 500 };
  const configs = Events.of(await device(connect(program, token, lively), "s"), "backpressure_config");
  await configs.find(at("none"));
  const network = await hole(program.url);
  await join(connect(network, token, lively), "data:s");
  await configs.find(at("high"));
  network.swallow();
  await configs.find(at("none"));
});
