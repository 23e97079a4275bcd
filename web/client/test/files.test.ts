// The outbox in files.

import { spawn } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../../e2e/program.js";
import { FileStore } from "../src/node.js";
import { OutboxLog } from "../src/outbox/log.js";
import { stored, world } from "./world.js";

test("a device that is killed again and again, and a server as well: what was saved is there once", async () => {
  const { program, token, client } = await world();
  const outbox = temporaryDirectory();
  const outfile = join(temporaryDirectory(), "crash.mjs");
  const banner = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  await build({ entryPoints: [fileURLToPath(new URL("crash.ts", import.meta.url))], outfile, bundle: true, platform: "node", format: "esm", banner: { js: banner } });
  const lives: { first: number; saved: number }[] = [];
  for (let life = 0; life < 5; life++) {
    const first = 1 + life * 1_000_000;
    const env = { ...process.env, SENSOCTO_SERVER: program.url, SENSOCTO_TOKEN: token, OUTBOX: outbox, FIRST: String(first) };
    const child = spawn(process.execPath, [outfile], { env, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    let out = "";
    child.stdout.on("data", (data) => (out += data));
    while (!out) await sleep(10);
    await sleep(300);
    if (life % 2 === 1) {
      await program.kill();
      await program.start();
      await sleep(200);
    }
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    lives.push({ first, saved: Number(out.slice(0, out.lastIndexOf("\n")).split("\n").at(-1)) });
  }
  const rest = client({ store: new FileStore(outbox) });
  const [left] = await rest.unsent();
  await rest.device(left?.registration ?? { sensorId: "strap" }).synced();
  const values = (await stored(rest, "strap", "n")).map(([, value]) => value as number);
  expect(new Set(values).size).toBe(values.length); // none twice
  const there = new Set(values);
  for (const { first, saved } of lives) {
    expect(saved).toBeGreaterThan(first);
    for (let value = first; value <= saved; value++) if (!there.has(value)) expect.fail(`${value} is missing`);
  }
});

test("a line that a crash has cut off is as if it never was; damage is told, not dropped", async () => {
  const directory = temporaryDirectory();
  const block = (value: number) => ({ attributeId: "a", times: Float64Array.of(value), values: Float64Array.of(value) });
  const samples = async () => {
    const store = new FileStore(directory);
    const { samples } = await new OutboxLog(store, "s:1", 1e6).state().finally(() => store.close());
    return samples;
  };
  const store = new FileStore(directory);
  expect(() => new FileStore(directory)).toThrow("share the store");
  const log = new OutboxLog(store, "s:1", 1e6);
  await log.append([block(1)]);
  await log.append([block(2)]);
  await store.close();
  const path = join(directory, readdirSync(directory).find((name) => name.endsWith(".outbox"))!);
  const whole = readFileSync(path);
  truncateSync(path, whole.length - 5);
  expect(await samples()).toBe(1);
  writeFileSync(path, whole);
  appendFileSync(path, '{"half');
  expect(await samples()).toBe(2);
  writeFileSync(path, `{"hal\n${String(whole)}`);
  await expect(samples()).rejects.toThrow("is damaged at character 0");
});

test("a file that is mostly acknowledged is written anew, with what is left", async () => {
  const directory = temporaryDirectory();
  const store = new FileStore(directory);
  onTestFinished(() => store.close());
  const log = new OutboxLog(store, "s", 1e9);
  const times = Float64Array.from({ length: 4096 }, (_, i) => i);
  for (let seq = 1; seq <= 60; seq++) {
    await log.append([{ attributeId: "a", times, values: times }]);
    if (seq > 2) await log.acknowledge({ epoch: 1, seq: seq - 2 });
  }
  expect((await log.state()).samples).toBe(2 * 4096);
  expect(statSync(join(directory, "s.outbox")).size).toBeLessThan(60 * 2 * 8 * 4096); // all of them in base64 are more
  const next = await log.next({ epoch: 0, seq: 0 });
  expect([next?.seq, next?.blocks]).toEqual([59, [{ attributeId: "a", times, values: times }]]);
});
