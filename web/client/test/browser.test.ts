// The outbox in a real browser: IndexedDB, Web Locks, tabs that crash, a browser that is killed.

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { Program, temporaryDirectory } from "../../../e2e/program.js";
import type { Client, Device } from "../src/index.js";
import { connect, Network, stored } from "./world.js";

declare global {
  interface Window {
    sensocto: { Client: typeof Client };
    device: Device;
    saved(values: number[]): void;
    measuring: boolean;
  }
}

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!executablePath) console.log("SKIPPED: the outbox in a real browser: Chromium is not installed");

/** Serves a page that has the client, on an origin of its own. */
async function servePage(): Promise<string> {
  const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "iife", globalName: "sensocto", write: false });
  const server = createServer((request, response) => {
    if (request.url !== "/client.js") return void response.setHeader("Content-Type", "text/html").end('<!doctype html><script src="/client.js"></script>');
    response.setHeader("Content-Type", "text/javascript").end(outputFiles[0]!.text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A browser with its own profile, which a restart keeps. */
class Browser {
  readonly saved: number[] = [];
  #profile = temporaryDirectory();
  #context: BrowserContext | undefined;
  #page: string;
  #server: string;
  #token: string;
  #first = 1;

  constructor(page: string, server: string, token: string) {
    this.#page = page;
    this.#server = server;
    this.#token = token;
  }

  async start(): Promise<void> {
    const context = await chromium.launchPersistentContext(this.#profile, { executablePath: executablePath!, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    this.#context = context;
    await context.exposeFunction("saved", (values: number[]) => void this.saved.push(...values));
  }

  /** Opens a tab with a device of the same sensor, which measures until it is told not to. */
  async open(measuring = true): Promise<Page> {
    const page = await this.#context!.newPage();
    await this.load(page, measuring);
    return page;
  }

  async load(page: Page, measuring = true): Promise<void> {
    await page.goto(this.#page);
    const first = this.#first;
    this.#first += 1_000_000;
    await page.evaluate(
      ({ url, token, first, measuring }) => {
        window.measuring = measuring;
        const device = new window.sensocto.Client({ url, token }).device({ sensorId: "strap" });
        window.device = device;
        void (async () => {
          for (let value = first; window.measuring; value++) {
            device.queueMeasurement({ attribute_id: "n", payload: value, timestamp: 1.7e12 + value });
            await device.saved();
            window.saved([value]);
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
        })();
      },
      { url: this.#server, token: this.#token, first, measuring },
    );
  }

  async crash(page: Page): Promise<void> {
    const crashed = page.waitForEvent("crash");
    await page.goto("chrome://crash").catch(() => undefined);
    await crashed;
    await page.close();
  }

  /** Ends the browser in the middle of everything. */
  async kill(): Promise<void> {
    const session = await this.#context!.newCDPSession(this.#context!.pages()[0]!);
    await session.send("Browser.crash" as "Browser.close").catch(() => undefined);
    await this.close();
  }

  async close(): Promise<void> {
    await this.#context?.close().catch(() => undefined);
  }
}

test.skipIf(!executablePath)("tabs crash, reload and lose the network, the server and the browser are killed: what was saved is there once", async () => {
  const page = await servePage();
  const program = await Program.start("--allowed-origins", new URL(page).origin, "--attention-hold", "20ms");
  const token = await program.token("ingest,view");
  const network = await new Network(program.url).listen();
  const browser = new Browser(page, network.url, token);
  onTestFinished(() => browser.close());
  await browser.start();
  const states = (pages: Page[]) => Promise.all(pages.map((p) => p.evaluate(() => window.device.state)));

  const [one, two, three] = [await browser.open(), await browser.open(), await browser.open()];
  await expect.poll(() => states([one, two, three])).toEqual(["online", "waiting", "waiting"]);
  await sleep(500);
  await browser.crash(one); // the one that sends
  await expect.poll(async () => (await states([two, three])).sort()).toEqual(["online", "waiting"]);
  network.cut();
  await sleep(300);
  await browser.load(two); // a reload while the server is away
  await sleep(300);
  network.restore();
  await sleep(500);
  await program.kill();
  await sleep(300);
  await browser.kill();
  await program.start();

  await browser.start();
  const last = await browser.open(false);
  await last.evaluate(() => window.device.synced());
  const values = (await stored(connect(program.url, token), "strap", "n")).map(([, value]) => value as number);
  expect(new Set(values).size).toBe(values.length); // none twice
  const there = new Set(values);
  expect(browser.saved.filter((value) => !there.has(value))).toEqual([]);
  expect(browser.saved.length).toBeGreaterThan(200);
}, 120_000);
