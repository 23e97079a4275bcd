// The device of docs/devices.md works as it stands there.

import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { connect, join } from "./official";
import { Program } from "./program";

let straps = 0;

/** Runs the device until it is done, and returns what it printed. */
async function strap(program: Program, token: string): Promise<string> {
  const text = readFileSync(new URL("../docs/devices.md", import.meta.url), "utf8");
  const code = /^```js\n([^]*?)^```$/m.exec(text)![1]!;
  const file = fileURLToPath(new URL(`./strap-${process.pid}-${straps++}.mjs`, import.meta.url)); // here, where its imports are found
  writeFileSync(file, code);
  onTestFinished(() => rmSync(file));
  const env = { ...process.env, SENSOCTO_SERVER: program.url, SENSOCTO_TOKEN: token };
  return (await promisify(execFile)(process.execPath, [file], { env, timeout: 40_000 })).stdout;
}

test("the device in JavaScript", async () => {
  const program = await Program.start("--attention-hold", "20ms");
  const token = await program.token("ingest,view");
  const done = strap(program, token);
  // Somebody looks for a while, and the server is gone for a moment.
  const socket = connect(program, token);
  const { channel } = await join(socket, "data:strap");
  await new Promise((done) => setTimeout(done, 1000));
  channel.leave();
  await program.kill();
  await program.start();
  expect(await done).toBe("done, 0 missed\n");
  const history = JSON.parse(await program.get("/api/v1/sensors/strap/attributes/heartrate/measurements?limit=1000", token));
  expect(history.measurements.length).toBeGreaterThanOrEqual(500);
});

test("the device in JavaScript where an answer comes later than its client waits", async () => {
  const program = await Program.start();
  const done = strap(program, await program.token("ingest"));
  await new Promise((later) => setTimeout(later, 2000));
  program.hang();
  await new Promise((later) => setTimeout(later, 11_000));
  program.goOn();
  expect(await done).toBe("done, 0 missed\n");
}, 60_000);
