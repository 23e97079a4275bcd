// The examples are what docs/clients.md shows, and they run.

import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../../e2e/program.js";
import { stored, until, world } from "./world.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const guide = new URL("../../../docs/clients.md", import.meta.url);

/** The text of the guide with the examples as they are in the files. */
function current(text: string): string {
  return text.replace(/<!-- web\/client\/(examples\/\w+\.ts) -->\n```ts\n[^]*?```\n/g, (_, file: string) => {
    return `<!-- web/client/${file} -->\n\`\`\`ts\n${readFileSync(join(root, file), "utf8")}\`\`\`\n`;
  });
}

test("the guide shows the examples (UPDATE=1 rewrites it)", () => {
  const text = readFileSync(guide, "utf8");
  if (process.env["UPDATE"]) writeFileSync(guide, current(text));
  else expect(text).toBe(current(text));
  for (const file of readdirSync(join(root, "examples"))) expect(text).toContain(`<!-- web/client/examples/${file} -->`);
});

/** Compiles an example and returns the program. */
async function compile(name: string): Promise<string> {
  const dir = join(temporaryDirectory(), "example");
  mkdirSync(dir);
  const outfile = join(dir, `${name}.mjs`);
  await build({
    entryPoints: [join(root, "examples", `${name}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["source"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' }, // ws is CommonJS
  });
  return outfile;
}

/** Starts an example that goes on until the test ends, and returns the lines that it prints. */
async function start(name: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const child = spawn(process.execPath, [await compile(name)], { env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const lines: string[] = [];
  child.stdout.on("data", (data) => lines.push(...String(data).trim().split("\n")));
  return lines;
}

test("the examples run", async () => {
  const { program, token, client } = await world();
  const env = { ...process.env, SENSOCTO_SERVER: program.url, SENSOCTO_TOKEN: token, STRAP_OUTBOX: join(temporaryDirectory(), "outbox") };
  const run = async (name: string) => (await promisify(execFile)(process.execPath, [await compile(name)], { env, timeout: 50_000 })).stdout;
  const device = run("device");
  await until(async () => (await client().api.GET("/api/v1/sensors")).data?.sensors.length === 1);
  const viewer = await start("viewer", env);
  const dashboard = await start("dashboard", env);
  await until(() => viewer.some((line) => line.startsWith("live heartrate")));
  await until(() => dashboard.some((line) => line === "strap heartrate samples"));
  await program.kill();
  await program.start();
  expect(await device).toBe("done, 0 refused\n");
  expect(await stored(client(), "strap", "heartrate")).toHaveLength(500);
  expect(await run("history")).toMatch(/^500 samples in \d+ buckets, at most 79\n500 samples, one by one\n$/);
});
