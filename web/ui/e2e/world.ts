// What tests of the app in a browser share: the real program, and devices that
// tell what the server asks them for.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test as base, expect, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from '@playwright/test';
import { WebSocket } from 'ws';
import { cleanUpWith, Program } from '../../../e2e/program.ts';
import { Client, type AttentionLevel, type Device, type DeviceAttribute } from '../../client/src/index.ts';

export { expect, type Page };

const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));

/** What `make run` starts with. */
export const openServer = ['--guests', 'view,ingest', '--registration', 'open', '--guest-accounts'];

/** Whether the machine has nothing else to do: only there it is asserted how long something takes. */
export const idle = Boolean(process.env['SENSOCTO_TEST_IDLE']);

/** How long pages are left before their picture is taken, in ms: long enough that traces fill, where people look at the pictures (make screenshots). */
export const untilFilled = (ms: number) => (process.env['SENSOCTO_PICTURES'] ? ms : 500);

/** Notes how long something took; on an idle machine it must have taken less than the limit. */
export function took(what: string, ms: number, limitMS: number, remark = ''): void {
  const description = `${Math.round(ms)} ms${remark && ` (${remark})`}`;
  base.info().annotations.push({ type: what, description });
  console.log(`${what}: ${description}`);
  if (idle) expect(ms, what).toBeLessThan(limitMS);
}

/** One server, with what was started beside it. All of it ends with the test. */
export class World {
  readonly #ends: (() => unknown)[];

  constructor(
    readonly program: Program,
    ends: (() => unknown)[],
  ) {
    this.#ends = ends;
  }

  /** The server under the name under which passkeys work. */
  get url(): string {
    return this.program.url.replace('127.0.0.1', 'localhost');
  }

  /** Calls end when the test ends. */
  onEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Opens another browser session, which ends with the test: the browser is that of all tests. */
  async context(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await browser.newContext({ locale: 'en-GB', ...options });
    this.onEnd(() => context.close());
    return context;
  }

  /** All times of an attribute that the server has, in ms, oldest first, as the person of the page may read them. */
  async stored(page: Page, sensorId: string, attribute: string): Promise<number[]> {
    const times: number[] = [];
    for (let next = ''; ; ) {
      const answer = await page.request.get(`${this.url}/api/v1/sensors/${sensorId}/attributes/${attribute}/measurements?limit=10000${next && `&next=${next}`}`);
      const body = (await answer.json()) as { measurements?: { timestamps?: number[]; timestamp?: number }[]; next?: string };
      for (const m of body.measurements ?? []) times.push(...(m.timestamps ?? [m.timestamp!])); // none before the sensor is there
      if (!body.next) return times;
      next = body.next;
    }
  }

  /** Brings simulated sensors, PREFIX-1 and so on: of whoever has the token, else of nobody. */
  simulate(sensors: number, scenario = 'all', { token = '', prefix = 'sim' } = {}): void {
    const args = ['simulate', '--server', this.program.url, '--sensors', String(sensors), '--scenario', scenario, '--prefix', prefix, '--quiet'];
    const child = spawn(binary, args, { stdio: 'ignore', env: { ...process.env, SENSOCTO_TOKEN: token } });
    this.#ends.push(() => child.kill('SIGKILL'));
  }

  /** Brings a sensor that sends a number ten times a second, and tells the levels that its device was sent: of whoever has the token, else of nobody. */
  device(sensorId: string, attributes: DeviceAttribute[] = [{ attribute_id: 'level', attribute_type: 'number', sampling_rate: 10 }], { token = '', payload = wave } = {}): TestDevice {
    const client = new Client({ url: this.program.url, transport: WebSocket, token });
    const device = new TestDevice(client.device({ sensorId, sensorName: sensorId, sensorType: 'test', attributes }), payload);
    this.#ends.push(() => client.close(), () => device.stop()); // the last is the first to end
    return device;
  }
}

const wave = (n: number) => Math.sin(n / 5);

/** A device with the levels that it was sent, in order. */
export class TestDevice {
  readonly levels: AttentionLevel[] = [];
  #timer: ReturnType<typeof setInterval>;

  /** payload is what it sends in its attribute `level`, by how many it has sent. */
  constructor(readonly device: Device, payload: (n: number) => number) {
    device.on('backpressure', ({ attentionLevel }) => this.levels.push(attentionLevel));
    let n = 0;
    this.#timer = setInterval(() => device.queueMeasurement({ attribute_id: 'level', payload: payload(n++), timestamp: Date.now() }), 100);
  }

  get level(): AttentionLevel | undefined {
    return this.levels.at(-1);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Waits until each device has the level. */
export const atLevel = (level: AttentionLevel, ...devices: TestDevice[]) =>
  expect.poll(() => devices.map((d) => d.level), { message: `all devices at ${level}` }).toEqual(devices.map(() => level));

export const test = base.extend<{ flags: string[]; world: World }>({
  flags: [openServer, { option: true }],
  world: async ({ flags }, use) => {
    const ends: (() => unknown)[] = [];
    cleanUpWith((end) => ends.push(end));
    try {
      await use(new World(await Program.start(...flags), ends));
    } finally {
      const failures: unknown[] = [];
      for (const end of ends.reverse()) await Promise.resolve().then(end).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw new AggregateError(failures, 'not all that the test started has ended well');
    }
  },
});

/** Makes the page believe that its tab is hidden or shown: headless Chromium shows every tab. */
export async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}
