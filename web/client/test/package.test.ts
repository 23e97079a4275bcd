// The package as npm would publish it.

import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../e2e/program.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
const consumer = `import { Client, decodeColumns, type Device } from "@sensocto/client";
import { FileStore } from "@sensocto/client/node";
import { WebSocket } from "ws";
const client = new Client({ url: "http://127.0.0.1:9", token: "x", store: new FileStore("outbox"), transport: WebSocket });
const states: Device["state"][] = [];
console.log(typeof client.rooms, typeof decodeColumns, states.length);
process.exit();
`;

test("what npm packs can be installed: Node runs it, and its types hold without our source", () => {
  const dir = temporaryDirectory();
  const packed = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", dir], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })) as [{ filename: string; files: { path: string }[] }];
  const files = packed[0].files.map((f) => f.path);
  for (const f of ["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", "dist/node.js"]) expect(files).toContain(f);
  expect(files.filter((f) => /test|example|tsconfig/.test(f))).toEqual([]);

  const installed = join(dir, "node_modules/@sensocto/client");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["xf", join(dir, packed[0].filename), "-C", installed, "--strip-components=1"]);
  for (const name of ["phoenix", "idb", "openapi-fetch", "openapi-typescript-helpers", "ws", "@types"]) symlinkSync(join(modules, name), join(dir, "node_modules", name));
  writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
  writeFileSync(join(dir, "main.ts"), consumer);
  execFileSync(join(modules, ".bin/tsc"), ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "false", "--types", "node", "main.ts"], { cwd: dir, stdio: ["ignore", "inherit", "inherit"] });
  expect(execFileSync(process.execPath, ["main.js"], { cwd: dir, encoding: "utf8" }).trim()).toBe("function function 0");
}, 240_000);
