// "Use this device" in Chromium: devices over simulated Bluetooth, and what the
// browser has itself, until what they measured is read back from the server.

import type { Browser, BrowserContext, Page } from '@playwright/test';
import { PolarH10, Strap } from './bluetooth/devices.ts';
import { missing, Simulator } from './bluetooth/simulator.ts';
import { expect, test as base, type World } from './world.ts';

type Sample = [time: number, value: string];

/** A browser with an adapter, and somebody who is signed in. */
class Visitor {
  /** Name of the device that is picked when the list is shown. */
  picks = '';

  constructor(
    readonly world: World,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async come(world: World, browser: Browser, options: object = {}): Promise<Visitor> {
    const context = await browser.newContext({ locale: 'en-GB', baseURL: world.url, ...options });
    const answer = await context.request.post('/api/v1/users', { data: { email: 'ada@example.org', name: 'Ada', password: 'violet harbour sings at noon' } });
    expect(answer.status()).toBe(201);
    const visitor = new Visitor(world, context, await context.newPage());
    visitor.page.on('pageerror', (error) => test.info().annotations.push({ type: 'page error', description: error.message }));
    await visitor.#answerPrompts();
    await visitor.page.goto('/sense');
    return visitor;
  }

  card(name: string) {
    return this.page.getByRole('article', { name });
  }

  async add(name: string): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  async pick(name: string): Promise<void> {
    this.picks = name;
    await this.add('Bluetooth device');
    await this.is(name, 'Measuring');
  }

  async is(name: string, state: string): Promise<void> {
    await expect(this.card(name).locator('header')).toContainText(state);
  }

  /** Everything that the server keeps of an attribute, read back over HTTP. */
  async stored(name: string, attribute: string): Promise<Sample[]> {
    const { sensors } = (await (await this.context.request.get('/api/v1/sensors')).json()) as { sensors: { sensor_id: string; sensor_name: string }[] };
    const id = sensors.find((s) => s.sensor_name === name)?.sensor_id;
    if (!id) return [];
    const answer = await this.context.request.get(`/api/v1/sensors/${id}/attributes/${attribute}/measurements?format=csv&limit=10000`);
    if (answer.status() === 404) return [];
    const lines = (await answer.text()).trim().split('\n').slice(1);
    return lines.map((line) => [Number(line.slice(0, line.indexOf(','))), line.slice(line.indexOf(',') + 1)]);
  }

  /** Waits until the page says that the server has all that was measured. */
  async delivered(name: string): Promise<void> {
    await expect(this.card(name)).toContainText(/Waiting here\s*0 samples/);
  }

  async #answerPrompts(): Promise<void> {
    const devtools = await this.context.newCDPSession(this.page);
    const answered = new Set<string>();
    await devtools.send('DeviceAccess.enable');
    devtools.on('DeviceAccess.deviceRequestPrompted', ({ id, devices }) => {
      const device = devices.find((d) => d.name === this.picks);
      if (!device || answered.has(id)) return;
      answered.add(id);
      void devtools.send('DeviceAccess.selectPrompt', { id, deviceId: device.id });
    });
  }
}

interface Fixtures {
  simulator: Simulator;
  /** Chromium whose only adapter is the simulated one. */
  bluetooth: Browser;
}

const test = base.extend<Fixtures>({
  simulator: async ({}, use) => {
    const simulator = await Simulator.start();
    await use(simulator);
    simulator.stop();
  },
  bluetooth: async ({ playwright, launchOptions, simulator }, use) => {
    const args = [...(launchOptions.args ?? []), '--enable-features=WebBluetooth'];
    const env = { ...(process.env as Record<string, string>), ...simulator.environment };
    const browser = await playwright.chromium.launch({ ...launchOptions, args, env });
    await use(browser);
    await browser.close();
  },
});

const rises = (samples: Sample[]) => samples.every(([t], i) => i === 0 || t > samples[i - 1]![0]);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.describe('over Bluetooth', () => {
  const why = missing();
  test.skip(why !== '', `no simulated Bluetooth: ${why}`);

  test('a strap and a Polar ECG stream, drop out, and come back; each sample is stored once, with its time', async ({ world, bluetooth, simulator }) => {
    test.setTimeout(180_000);
    const strap = new Strap(simulator, '00:00:5E:00:53:01', 'HRM 0001');
    const polar = new PolarH10(simulator, '00:00:5E:00:53:02', 'Polar H10 0002');
    const visitor = await Visitor.come(world, bluetooth);
    await visitor.pick('HRM 0001');
    await visitor.pick('Polar H10 0002');
    polar.switchOn();
    const beats = setInterval(() => strap.isSubscribed && strap.beat(70, 1 + (strap.sent.length % 2)), 1000);

    await expect(visitor.card('HRM 0001')).toContainText(/Heart rate\s*70 bpm/);
    await expect(visitor.card('HRM 0001')).toContainText(/Battery\s*87%/);
    await expect(visitor.card('HRM 0001')).toContainText(/Contact\s*Yes/);
    await expect.poll(() => polar.ends.length).toBeGreaterThan(8);

    // What is on its way when a radio breaks off is lost with every device: so nothing is.
    clearInterval(beats);
    polar.switchOff();
    await pause(1000);
    const [before, droppedAt] = [polar.sent.length, Date.now()];
    strap.reachable = polar.reachable = false;
    strap.drop();
    polar.drop();
    await visitor.is('HRM 0001', 'Reconnecting');
    await visitor.is('Polar H10 0002', 'Reconnecting');
    await expect(visitor.card('Polar H10 0002')).toContainText('Next attempt in');
    await pause(3000);
    strap.reachable = polar.reachable = true;
    await visitor.card('HRM 0001').getByRole('button', { name: 'Connect now' }).click();
    await visitor.is('HRM 0001', 'Measuring');
    await visitor.is('Polar H10 0002', 'Measuring'); // by itself
    expect([strap.connections, polar.connections]).toEqual([2, 2]);

    polar.switchOn();
    for (let i = 0; i < 5; i++, await pause(300)) strap.beat(71, 1);
    await expect.poll(() => polar.sent.length - before).toBeGreaterThan(8 * 73);
    polar.switchOff();
    await pause(500);
    for (const name of ['HRM 0001', 'Polar H10 0002']) {
      await visitor.card(name).getByRole('button', { name: 'Stop' }).click();
      await visitor.is(name, 'Stopped');
      await expect(visitor.card(name)).toContainText(/Not connected[^]*On the server/);
    }
    expect(polar.isStreaming).toBe(false); // it was told to stop

    const intervals = await visitor.stored('HRM 0001', 'rr_interval');
    expect(intervals.map(([, v]) => (Number(v) * 1024) / 1000)).toEqual(strap.sent);
    expect(rises(intervals)).toBe(true);

    const ecg = await visitor.stored('Polar H10 0002', 'ecg');
    expect(ecg.map(([, v]) => Math.round(Number(v) * 1000))).toEqual(polar.sent);
    expect(rises(ecg)).toBe(true);
    const ends = polar.ends.map((end, i) => ecg[73 * i + 72]![0] - end);
    expect(Math.min(...ends), 'no sample before it was measured').toBeGreaterThan(-100);
    expect(ecg[before]![0], 'what came after the gap is after it').toBeGreaterThan(droppedAt);
    expect(await visitor.stored('Polar H10 0002', 'ecg_device_time')).toHaveLength(polar.ends.length);
    expect((await visitor.stored('HRM 0001', 'battery')).map(([, v]) => v)).toEqual(['0.87']);
    expect((await visitor.stored('HRM 0001', 'contact')).map(([, v]) => v)).toEqual(['"true"']);
  });
});
