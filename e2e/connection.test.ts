// The life of connections and channels: identity, leaving, coming back.

import { expect, test } from "vitest";
import { closed, connect, device, Events, join, refusal, reply } from "./official";
import { PlainV1, Raw } from "./plain";
import { Program } from "./program";

const at = 1_700_000_000_000;

test("leave, and join again", async () => {
  const program = await Program.start();
  const socket = connect(program, await program.token("ingest,view"));
  const first = await join(socket, "data:s1");
  const gone = closed(first.channel);
  expect(await reply(first.channel.leave())).toEqual({});
  await gone;
  expect(first.channel.state).toBe("closed");
  const second = await join(socket, "data:s1");
  const d = await device(socket, "s1");
  const seen = Events.of(second.channel, "measurement");
  d.push("measurement", { attribute_id: "a", payload: 1, timestamp: at });
  expect(await seen.next()).toMatchObject({ payload: 1 });
});

test("raw frames: refs come back as they were, leaving what is not joined is ok", async () => {
  const program = await Program.start();
  const token = await program.token("view");
  const raw = await Raw.dial(program, `vsn=2.0.0&token=${token}&anything=else`);
  raw.send([null, "007", "phoenix", "heartbeat", {}]);
  expect(await raw.next()).toEqual([null, "007", "phoenix", "phx_reply", { status: "ok", response: {} }]);
  raw.send(["1", "2", "data:never", "phx_leave", {}]);
  expect(await raw.next()).toEqual(["1", "2", "data:never", "phx_reply", { status: "ok", response: {} }]);
  // The client may be told of the close too, with its own join ref.
  raw.send(["3", "3", "nonsense", "phx_join", {}]);
  expect(await raw.frames.find((f) => f[2] === "nonsense")).toEqual(["3", "3", "nonsense", "phx_reply", { status: "error", response: { reason: "unmatched topic" } }]);
  raw.send(["4", "5", "data:never", "visibility_changed", { visible: true }]);
  expect(await raw.frames.find((f) => f[1] === "5")).toEqual(["4", "5", "data:never", "phx_reply", { status: "error", response: { reason: "unmatched topic" } }]);
  raw.send([6, 6, "viewer:x", "phx_join", {}]);
  expect(await raw.next()).toEqual([6, 6, "viewer:x", "phx_reply", { status: "ok", response: {} }]);
});

test("a second join replaces the first, which is told with its own join ref", async () => {
  const program = await Program.start();
  const token = await program.token("ingest,view");
  const raw = await Raw.dial(program, `vsn=2.0.0&token=${token}`);
  const ok = (f: any) => f[3] === "phx_reply" && f[4].status === "ok";
  const params = { connector_id: "c", sensor_id: "s1", sensor_type: "ecg" };
  raw.send(["11", "12", "sensocto:sensor:s1", "phx_join", params]);
  await raw.frames.find(ok);
  raw.send(["21", "22", "sensocto:sensor:s1", "phx_join", params]);
  expect(await raw.frames.find((f) => f[3] === "phx_close")).toEqual(["11", "11", "sensocto:sensor:s1", "phx_close", {}]);
  expect(await raw.frames.find(ok)).toMatchObject({ 0: "21", 1: "22" });
  // A leave of the first is answered and closes nothing.
  raw.send(["11", "23", "sensocto:sensor:s1", "phx_leave", {}]);
  await raw.frames.find((f) => f[1] === "23" && ok(f));
  raw.send(["21", "24", "sensocto:sensor:s1", "ping", {}]);
  expect(await raw.frames.find((f) => f[1] === "24")).toMatchObject({ 4: { status: "ok" } });
});

test("two channels of one topic in the official client: the newer works", async () => {
  const program = await Program.start();
  const socket = connect(program, await program.token("ingest,view"));
  const first = await device(socket, "s1");
  const gone = closed(first);
  const second = await device(socket, "s1");
  await gone;
  expect(await reply(second.push("ping", { still: "here" }))).toEqual({ still: "here" });
  expect(second.state).toBe("joined");
});

/** A device and a viewer that survive what happens to the server. */
async function survivors(program: Program) {
  const token = await program.token("ingest,view");
  const socket = connect(program, token);
  const closes = new Events<CloseEvent>((take) => socket.onClose(take));
  const data = (await join(socket, "data:s1")).channel;
  const seen = Events.of(data, "measurement");
  const d = await device(socket, "s1");
  const configs = Events.of(d, "backpressure_config"); // one after each join
  const push = async (payload: number) => {
    d.push("measurement", { attribute_id: "a", payload, timestamp: at + payload });
    expect(await seen.next()).toMatchObject({ payload });
  };
  await configs.next();
  await push(1);
  return { token, closes, d, data, seen, configs, push };
}

async function history(program: Program, token: string): Promise<number[]> {
  const { channel, response } = await join(connect(program, token), "data:s1", { history: 100 });
  await reply(channel.leave());
  return (response.history.a ?? []).map((m: any) => m.payload);
}

test("a restart on the same port: told to come back, everything is there, everything goes on", async () => {
  const program = await Program.start();
  const { token, closes, d, data, configs, push } = await survivors(program);
  expect(await program.stop()).toBe(0);
  expect(await closes.next()).toMatchObject({ code: 1001 });
  await program.start();
  await configs.next();
  while (data.state !== "joined") await new Promise((resolve) => setTimeout(resolve, 10));
  expect(d.state).toBe("joined");
  await push(2);
  expect(await history(program, token)).toEqual([1, 2]);
  expect(await program.stop()).toBe(0);
});

test("a kill: clients come back by themselves, what was acknowledged is there", async () => {
  const program = await Program.start();
  const { token, closes, d, data, seen, configs, push } = await survivors(program);
  const batch = { stream: crypto.randomUUID(), seq: 1, measurements: [{ attribute_id: "a", payload: 2, timestamp: at + 2 }] };
  expect(await reply(d.push("measurements", batch))).toEqual({ seq: 1 });
  expect(await seen.next()).toMatchObject({ payload: 2 });
  await program.kill();
  expect(await closes.next()).toMatchObject({ code: 1006 });
  await program.start();
  await configs.next();
  while (data.state !== "joined") await new Promise((resolve) => setTimeout(resolve, 10));
  await push(3);
  expect(await history(program, token)).toEqual([1, 2, 3]);
});

test("joins without a right are refused, whatever else the connection may do", async () => {
  const program = await Program.start();
  const ingest = await program.token("ingest");
  const view = await program.token("view");
  const refused = { reason: "unauthorized" };
  const once = { rejoinAfterMs: () => 60_000 };
  const sensor = { connector_id: "c", sensor_id: "s1", sensor_type: "ecg" };

  const nobody = connect(program, undefined, once);
  expect(await refusal(nobody.channel("data:s1").join())).toEqual(refused);
  expect(await refusal(nobody.channel("viewer:x", { bearer_token: "" }).join())).toEqual(refused);
  expect(await refusal(nobody.channel("sensocto:sensor:s1", { ...sensor, bearer_token: view }).join())).toEqual(refused);
  expect(await reply(nobody.channel("data:s2", { bearer_token: view }).join())).toMatchObject({ history: {} });

  const wrong = connect(program, "not-a-token", once);
  expect(await refusal(wrong.channel("data:s1").join())).toEqual(refused);
  const devices = connect(program, ingest, once);
  expect(await refusal(devices.channel("sensors:all").join())).toEqual(refused);
  expect(await refusal(devices.channel("sensocto:sensor:s3", { ...sensor, sensor_id: "s3", user_id: "somebody" }).join())).toEqual(refused);
  expect((await device(devices, "s1")).state).toBe("joined");
});

test("a token in the parameters of the socket works as well", async () => {
  const program = await Program.start();
  const token = await program.token("view");
  const socket = connect(program, undefined, { params: { token } });
  expect((await join(socket, "sensors:all")).response).toEqual({ sensors: [] });
});

test("a revoked token loses its channels at once, and only it", async () => {
  const program = await Program.start();
  const lost = connect(program, await program.token("view", "lost"), { rejoinAfterMs: () => 60_000 });
  const kept = connect(program, await program.token("view", "kept"));
  const { channel } = await join(lost, "data:s1");
  const other = await join(kept, "data:s1");
  const gone = closed(channel);
  await program.revoke("lost");
  await gone;
  expect(channel.state).toBe("closed");
  expect(await refusal(lost.channel("data:s1").join())).toEqual({ reason: "unauthorized" });
  expect(await reply(other.channel.push("visibility_changed", { visible: false }))).toEqual({});
});

test("V1: objects without join refs", async () => {
  const program = await Program.start();
  const token = await program.token("ingest,view");
  const v1 = await PlainV1.dial(program);
  expect(await v1.request("phoenix", "heartbeat", {})).toEqual({ status: "ok", response: {} });
  const joined = await v1.request("data:s1", "phx_join", { token });
  expect(joined).toMatchObject({ status: "ok", response: { history: {} } });
  const params = { connector_id: "c", sensor_id: "s1", sensor_type: "ecg", attributes: ["a"], bearer_token: token };
  expect(await v1.request("sensocto:sensor:s1", "phx_join", params)).toMatchObject({ status: "ok" });
  expect(await v1.event("sensocto:sensor:s1", "backpressure_config")).toMatchObject({ recommended_batch_size: 1 });
  v1.push("sensocto:sensor:s1", "measurement", { attribute_id: "a", payload: -0.125, timestamp: at + 0.5 });
  expect(await v1.event("data:s1", "measurement")).toEqual({ sensor_id: "s1", attribute_id: "a", payload: -0.125, timestamp: at + 0.5 });
  const frame = v1.raw.frames.all.at(-1);
  expect(frame).toMatchObject({ topic: "data:s1", event: "measurement", ref: null });
  expect(await v1.request("data:s1", "phx_leave", {})).toEqual({ status: "ok", response: {} });
});

test("what is no socket", async () => {
  const program = await Program.start();
  await expect(Raw.dial(program, "vsn=3.0.0")).rejects.toThrow("403");
  expect((await fetch(`${program.url}/socket/longpoll?vsn=2.0.0`)).status).toBe(404);
  const raw = await Raw.dial(program, "vsn=2.0.0");
  raw.ws.send("{");
  expect(await raw.closed).toMatchObject({ code: 1007, reason: expect.stringMatching(/^[a-z_]+$/) });
});
