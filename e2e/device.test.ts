// A device and its viewers through the official client.

import { describe, expect, test } from "vitest";
import { decodeColumns, encodeColumns } from "../web/client/src/columns";
import { connect, device, Events, join, refusal, reply } from "./official";
import { Program } from "./program";

const stream = "01234567-89ab-4def-8123-456789abcdef";
const at = 1_700_000_000_000;

async function world() {
  const program = await Program.start();
  const token = await program.token("ingest,view");
  const devices = connect(program, token);
  const viewers = connect(program, token);
  return { program, token, devices, viewers };
}

/** What a data channel sends, one sample after the other. */
function samples(channel: Parameters<typeof Events.of>[0]): Events<{ attribute_id: string; payload: unknown; timestamp: number }> {
  return new Events((take) => {
    channel.on("measurement", take);
    channel.on("measurements_batch", (batch) => batch.measurements.forEach(take));
  });
}

describe("pushes", () => {
  test("a measurement reaches a viewer, and ping waits for it", async () => {
    const { devices, viewers } = await world();
    const { channel: data, response } = await join(viewers, "data:s1");
    expect(response).toMatchObject({ sensor: { sensor_id: "s1", activity_status: "unknown", attributes: [] }, history: {} });
    const seen = samples(data);
    const d = await device(devices, "s1");
    d.push("measurement", { attribute_id: "hr", payload: 72, timestamp: at });
    d.push("measurements_batch", [
      { attribute_id: "hr", payload: 73.5, timestamp: at + 1 },
      { attribute_id: "note", payload: { text: "ü" }, timestamp: at + 1.5, extra: true },
    ]);
    expect(await reply(d.push("ping", { n: 1 }))).toEqual({ n: 1 });
    expect(await seen.next()).toMatchObject({ attribute_id: "hr", payload: 72, timestamp: at });
    expect(await seen.next()).toMatchObject({ attribute_id: "hr", payload: 73.5, timestamp: at + 1 });
    expect(await seen.next()).toMatchObject({ attribute_id: "note", payload: { text: "ü" }, timestamp: at + 1.5 });
    const late = await join(viewers, "data:s1", { history: 10 });
    expect(late.response.history.hr).toEqual([
      { payload: 72, timestamp: at },
      { payload: 73.5, timestamp: at + 1 },
    ]);
    expect(late.response.sensor).toMatchObject({ sensor_name: "Sensor s1", activity_status: "online", connector_id: "c1" });
  });

  test("ack: every push is answered", async () => {
    const { devices } = await world();
    const d = await device(devices, "s1", { ack: true });
    expect(await reply(d.push("measurement", { attribute_id: "a", payload: 1, timestamp: at }))).toEqual({});
    const batch = [1, 2].map((payload) => ({ attribute_id: "a", payload, timestamp: at }));
    expect(await reply(d.push("measurements_batch", batch))).toEqual({ accepted: 2 });
  });

  test("half a batch is bad: the good half is kept", async () => {
    const { devices, viewers } = await world();
    const d = await device(devices, "s1");
    const batch = [
      { attribute_id: "a", payload: 1, timestamp: at },
      { attribute_id: "a b", payload: 2, timestamp: at },
      { attribute_id: "a", payload: 3 },
      { attribute_id: "a", payload: 4, timestamp: at + 1 },
    ];
    expect(await refusal(d.push("measurements_batch", batch))).toMatchObject({
      reason: "invalid_batch",
      accepted: 2,
      failed_count: 2,
      errors: [
        { index: 1, reason: "invalid_attribute_id" },
        { index: 2, reason: "missing_fields" },
      ],
    });
    const { response } = await join(viewers, "data:s1", { history: 10 });
    expect(response.history.a.map((m: any) => m.payload)).toEqual([1, 4]);
  });

  test("what a channel does not know is an error with a reason, and the channel stays", async () => {
    const { devices } = await world();
    const d = await device(devices, "s1");
    expect(await refusal(d.push("dance", {}))).toEqual({ reason: "unknown event" });
    expect(await refusal(d.push("measurement", { attribute_id: "a", payload: 1, timestamp: 5 }))).toEqual({ reason: "timestamp_too_old" });
    expect(await reply(d.push("ping", {}))).toEqual({});
  });

  test("heartbeat", async () => {
    const { devices } = await world();
    await device(devices, "s1");
    await new Promise((pong) => expect(devices.ping(pong)).toBe(true));
  });
});

test("binary pushes are answered when stored, and reach viewers of both encodings", async () => {
  const { program, token, devices, viewers } = await world();
  const text = samples((await join(viewers, "data:s1")).channel);
  const other = connect(program, token);
  const binary = Events.of<ArrayBuffer>((await join(other, "data:s1", { encoding: "binary" })).channel, "measurements");
  const d = await device(devices, "s1");
  const raw = Int16Array.of(-29, 0, 2047);
  const body = encodeColumns({ stream, seq: 1n }, [
    { attributeId: "MLII", times: "regular", origin: at * 1000, first: 0, rate: 360, form: "int16", raw, baseline: 1024, gain: 200 },
  ]);
  expect(await reply(d.push("measurements", body))).toEqual({ seq: 1 });
  const want = Array.from(raw, (adc) => (adc - 1024) / 200);
  for (const value of want) expect(await text.next()).toMatchObject({ attribute_id: "MLII", payload: value });
  const [column] = decodeColumns(await binary.next()).columns;
  expect([...column!.values]).toEqual(want);
  expect([...column!.timestamps]).toEqual([0, 2778, 5556].map((t) => at * 1000 + t));
  const json = { stream, seq: 2, measurements: [{ attribute_id: "MLII", payload: 0.25, timestamp: at + 9 }] };
  expect(await reply(d.push("measurements", json))).toEqual({ seq: 2 });
  expect(decodeColumns(await binary.next()).columns[0]!.values[0]).toBe(0.25);
  expect(await refusal(d.push("measurements", new Uint8Array([9]).buffer))).toEqual({ reason: "invalid_columns" });
});

test("backpressure_config comes after the join reply and follows the viewers", async () => {
  const { devices, viewers } = await world();
  const d = devices.channel("sensocto:sensor:s1", { connector_id: "c1", sensor_id: "s1", sensor_type: "ecg" });
  await reply(d.join());
  const configs = Events.of(d, "backpressure_config"); // attached only after the reply
  const idle = await configs.next();
  expect(idle).toEqual({
    attention_level: "none",
    recommended_batch_window: 5000,
    recommended_batch_size: 20,
    paused: false,
    load_level: "normal",
    timestamp: expect.any(Number),
  });
  expect(Number.isInteger(idle.timestamp)).toBe(true);
  const { channel } = await join(viewers, "data:s1");
  const high = { attention_level: "high", recommended_batch_window: 50, recommended_batch_size: 1 };
  expect(await configs.next()).toMatchObject(high);
  await reply(channel.leave());
  expect(await configs.next()).toMatchObject({ attention_level: "none", recommended_batch_window: 5000 });
});

test("discovery and update_attributes are seen on signal: and sensors:", async () => {
  const { devices, viewers } = await world();
  const all = await join(viewers, "sensors:all");
  expect(all.response).toEqual({ sensors: [] });
  const status = await join(viewers, "sensors:status");
  expect(status.response).toEqual({ online: [] });
  const lists = Events.of(all.channel, "sensor_list_updated");
  const connected = Events.of(status.channel, "sensor_connected");
  const disconnected = Events.of(status.channel, "sensor_disconnected");
  const states = Events.of((await join(viewers, "signal:s1")).channel, "new_state");
  const attribute = async (id: string) =>
    (await states.find((e) => e.sensor.attributes.some((a: any) => a.id === id))).sensor.attributes.find((a: any) => a.id === id);

  const d = await device(devices, "s1", { attributes: { hr: { unit: "bpm", attribute_type: "heartrate" } } });
  expect(await connected.next()).toMatchObject({ sensor_id: "s1" });
  await lists.find((e) => JSON.stringify(e.added).includes('"s1"'));
  expect(await reply(d.push("discovery", { type: "battery", value: 81, timestamp: at }))).toEqual({});
  expect(await attribute("battery")).toMatchObject({ id: "battery" });
  expect(await reply(d.push("update_attributes", { action: "register", attribute_id: "temp", metadata: { unit: "°C" } }))).toEqual({});
  expect(await attribute("temp")).toMatchObject({ unit: "°C", last_value: null });
  d.push("measurement", { attribute_id: "fresh", payload: 1, timestamp: at });
  expect(await attribute("fresh")).toMatchObject({ id: "fresh" });
  expect(await reply(d.push("update_attributes", { action: "unregister", attribute_id: "temp" }))).toEqual({});
  await states.find((e) => !e.sensor.attributes.some((a: any) => a.id === "temp"));
  expect(await refusal(d.push("update_attributes", { action: "explode", attribute_id: "x" }))).toEqual({ reason: "invalid_action" });
  expect(await refusal(d.push("update_attributes", { action: "add", attribute_id: "!" }))).toEqual({ reason: "invalid_attribute_id" });
  await reply(d.leave());
  expect(await disconnected.next()).toMatchObject({ sensor_id: "s1" });
});

test("viewer: watches many sensors with one frame", async () => {
  const { devices, viewers } = await world();
  const sensors = await Promise.all(["s1", "s2"].map((id) => device(devices, id)));
  const { channel, response } = await join(viewers, "viewer:me");
  expect(response).toEqual({});
  const batches = Events.of(channel, "sensor_batch");
  const watched = await reply(channel.push("watch", { sensor_ids: ["s1", "s2", "not an id"], level: "medium" }));
  expect(watched.sensors.map((s: any) => s.sensor_id)).toEqual(["s1", "s2"]);
  expect(watched.refused).toEqual(["not an id"]);
  sensors.forEach((d, i) => d.push("measurement", { attribute_id: "a", payload: i, timestamp: at + i }));
  const got: Record<string, unknown[]> = {};
  while (!got.s1 || !got.s2) {
    for (const [id, attributes] of Object.entries<any>((await batches.next()).batch)) (got[id] ??= []).push(...attributes.a);
  }
  expect(got).toEqual({ s1: [{ payload: 0, timestamp: at }], s2: [{ payload: 1, timestamp: at + 1 }] });
  expect(await reply(channel.push("unwatch", { sensor_ids: ["s1"] }))).toEqual({});
  sensors[0]!.push("measurement", { attribute_id: "a", payload: 9, timestamp: at });
  await reply(sensors[0]!.push("ping", {}));
  sensors[1]!.push("measurement", { attribute_id: "a", payload: 10, timestamp: at });
  expect(Object.keys((await batches.next()).batch)).toEqual(["s2"]);
});

test("a command reaches the device", async () => {
  const { program, devices, viewers } = await world();
  const commands = Events.of(await device(devices, "s1"), "device_command");
  const viewer = await join(viewers, "data:s1");
  expect(await refusal(viewer.channel.push("command", { led: "off" }))).toEqual({ reason: "unauthorized" });
  const operators = connect(program, await program.token("view,admin"));
  const operator = await join(operators, "data:s1");
  expect(await reply(operator.channel.push("command", { led: "on" }))).toEqual({});
  expect(await commands.next()).toEqual({ led: "on" });
});
