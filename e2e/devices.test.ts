// The device of docs/devices.md works as it stands there.

import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { connect, join } from "./official";
import { Program } from "./program";

test("the device in JavaScript", async () => {
  const text = readFileSync(new URL("../docs/devices.md", import.meta.url), "utf8");
  const code = /^```js\n([^]*?)^```$/m.exec(text)![1]!;
  const file = fileURLToPath(new URL(`./strap-${process.pid}.mjs`, import.meta.url)); // here, where its imports are found
  writeFileSync(file, code);
  onTestFinished(() => rmSync(file));
  const program = await Program.start("--attention-hold", "20ms");
  const token = await program.token("ingest,view");
  const env = { ...process.env, SENSOCTO_SERVER: program.url, SENSOCTO_TOKEN: token };
  const strap = promisify(execFile)(process.execPath, [file], { env, timeout: 25_000 });
  // Somebody looks for a while, and the server is gone for a moment.
  const socket = connect(program, token);
  const { channel } = await join(socket, "data:strap");
  await new Promise((done) => setTimeout(done, 1000));
  channel.leave();
  await program.kill();
  await program.start();
  expect((await strap).stdout).toBe("done, 0 missed\n");
  const history = JSON.parse(await program.get("/api/v1/sensors/strap/attributes/heartrate/measurements?limit=1000", token));
  expect(history.measurements.length).toBeGreaterThanOrEqual(500);
});
