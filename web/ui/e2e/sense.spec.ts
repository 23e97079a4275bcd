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
  /** What Chromium is told to switch on. */
  features: string;
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
  features: ['WebBluetooth', { option: true }],
  bluetooth: async ({ playwright, launchOptions, simulator, features }, use) => {
    const args = [...(launchOptions.args ?? []), `--enable-features=${features}`];
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
    test.setTimeout(480_000);
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
    await visitor.is('HRM 0001', 'Measuring'); // by themselves
    await visitor.is('Polar H10 0002', 'Measuring');
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

  test('after a reload a device is the same sensor again, by one tap; removed, it can be put back', async ({ world, bluetooth, simulator }) => {
    const strap = new Strap(simulator, '00:00:5E:00:53:01', 'HRM 0001');
    const visitor = await Visitor.come(world, bluetooth);
    await visitor.pick('HRM 0001');
    strap.beat(70, 1);
    await expect(visitor.card('HRM 0001')).toContainText(/On the server\s*[1-9]/);
    await visitor.page.reload();
    await visitor.is('HRM 0001', 'Tap to connect');
    await visitor.card('HRM 0001').getByRole('button', { name: 'Connect' }).click();
    await visitor.is('HRM 0001', 'Measuring');
    strap.beat(71, 1);
    await expect(visitor.card('HRM 0001')).toContainText(/Heart rate\s*71 bpm/);

    await visitor.card('HRM 0001').getByRole('button', { name: 'More for HRM 0001' }).click();
    await visitor.page.getByRole('menuitem', { name: 'Remove' }).click();
    await expect(visitor.card('HRM 0001')).toHaveCount(0);
    await visitor.page.getByRole('button', { name: 'Undo' }).click();
    await visitor.is('HRM 0001', 'Measuring');
    strap.beat(72, 1);
    await expect(visitor.card('HRM 0001')).toContainText(/Heart rate\s*72 bpm/);
    await expect.poll(async () => (await visitor.stored('HRM 0001', 'heartrate')).map(([, v]) => Number(v))).toEqual([70, 71, 72]);
  });
});

test.describe('in a browser that remembers devices', () => {
  test.skip(missing() !== '', `no simulated Bluetooth: ${missing()}`);
  test.use({ features: 'WebBluetooth,WebBluetoothNewPermissionsBackend' });

  test('a device goes on by itself after a reload', async ({ world, bluetooth, simulator }) => {
    const strap = new Strap(simulator, '00:00:5E:00:53:01', 'HRM 0001');
    const visitor = await Visitor.come(world, bluetooth);
    await visitor.pick('HRM 0001');
    strap.beat(70, 1);
    await expect(visitor.card('HRM 0001')).toContainText(/On the server\s*[1-9]/);
    await visitor.page.reload();
    await visitor.is('HRM 0001', 'Measuring');
    await expect.poll(() => strap.isSubscribed).toBe(true);
    strap.beat(71, 1);
    await expect.poll(async () => (await visitor.stored('HRM 0001', 'heartrate')).map(([, v]) => Number(v))).toEqual([70, 71]);
  });
});

/** Sensors of the computer itself. */
const own = base.extend<{ visitor: Visitor }>({
  launchOptions: async ({ launchOptions }, use) => {
    const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
    await use({ ...launchOptions, args: [...(launchOptions.args ?? []), ...args] });
  },
  visitor: async ({ world, playwright, launchOptions }, use) => {
    const browser = await playwright.chromium.launch(launchOptions);
    await use(await Visitor.come(world, browser, { geolocation: { latitude: 48.2082, longitude: 16.3738, accuracy: 5 }, permissions: ['geolocation', 'microphone', 'accelerometer', 'gyroscope', 'magnetometer'] }));
    await browser.close();
  },
});

own('what the computer has itself: position, sound level, orientation, markers', async ({ visitor }) => {
  const { page } = visitor;
  const devtools = await visitor.context.newCDPSession(page);
  const turn = (alpha: number) => devtools.send('DeviceOrientation.setDeviceOrientationOverride', { alpha, beta: 20, gamma: 30 });
  await turn(10);
  for (const name of ['Position', 'Sound level', 'Orientation', 'Marker']) {
    await visitor.add(name);
    await visitor.is(name, 'Measuring');
  }
  await page.getByRole('textbox', { name: 'What happens' }).fill('stood up');
  await page.getByRole('button', { name: 'Mark', exact: true }).click();
  await page.waitForTimeout(2500); // enough sound to say something of it
  for (const name of ['Position', 'Sound level', 'Orientation', 'Marker']) {
    await visitor.card(name).getByRole('button', { name: 'Stop' }).click();
    await visitor.is(name, 'Stopped');
    await expect(visitor.card(name)).toContainText(/Not connected[^]*On the server\s*[1-9]/);
  }
  const values = async (name: string, attribute: string) => (await visitor.stored(name, attribute)).map(([, v]) => JSON.parse(v.startsWith('"') ? v.slice(1, -1).replaceAll('""', '"') : v) as unknown);
  expect(await values('Position', 'geolocation')).toEqual([{ latitude: 48.2082, longitude: 16.3738, accuracy: 5 }]);
  expect(await values('Orientation', 'orientation')).toContainEqual({ alpha: 10, beta: 20, gamma: 30 });
  expect(await values('Marker', 'annotations')).toEqual([{ type: 'marker', text: 'stood up' }]);
  const levels = (await visitor.stored('Sound level', 'sound_level')).map(([, v]) => Number(v));
  expect(levels.length).toBeGreaterThan(15);
  expect(Math.max(...levels), 'the fake microphone beeps').toBeGreaterThan(-40);
  expect(Math.max(...levels)).toBeLessThanOrEqual(0);
});

own('the demo heart goes on through a dead server and a reload, without a gap and without doubles', async ({ visitor, world }) => {
  const { page } = visitor;
  await visitor.add('Demo heart');
  await expect(visitor.card('Demo heart')).toContainText(/On the server\s*[1-9]/);
  await world.program.kill();
  await expect(visitor.card('Demo heart')).toContainText('No connection: what is measured is kept here');
  await expect(visitor.card('Demo heart')).toContainText(/Waiting here\s*[1-9],?\d{3}/);
  await world.program.start();
  await expect(visitor.card('Demo heart')).toContainText(/Waiting here\s*\d{1,2} samples/);
  await page.getByRole('link', { name: 'Lobby' }).click(); // it goes on in other views
  await page.waitForTimeout(1000);
  const reloaded = Date.now();
  await page.reload();
  const back = Date.now();
  await page.getByRole('link', { name: 'Sense' }).click();
  await visitor.is('Demo heart', 'Measuring');
  await expect.poll(async () => (await visitor.stored('Demo heart', 'ecg')).some(([t]) => t > reloaded + 1000)).toBe(true);
  await visitor.card('Demo heart').getByRole('button', { name: 'Stop' }).click();
  await expect(visitor.card('Demo heart')).toContainText(/Not connected[^]*On the server/);

  const times = (await visitor.stored('Demo heart', 'ecg')).map(([t]) => t);
  const steps = times.slice(1).map((t, i) => t - times[i]!);
  expect(steps.every((s) => s > 0)).toBe(true);
  const gaps = steps.filter((s) => Math.abs(s - 4) > 0.1);
  expect(gaps.length, 'one gap, where the page was reloaded').toBe(1);
  expect(times[steps.indexOf(gaps[0]!)]!).toBeLessThan(back);
});

own('a second tab does not measure the same again; what was removed can be added again', async ({ visitor }) => {
  const { page } = visitor;
  await visitor.add('Demo heart');
  await visitor.is('Demo heart', 'Measuring');
  const second = await visitor.context.newPage();
  await second.goto('/sense');
  const there = second.getByRole('article', { name: 'Demo heart' });
  await expect(there).toContainText('Another tab of this browser measures it.');
  await visitor.card('Demo heart').getByRole('button', { name: 'Stop' }).click();
  await visitor.is('Demo heart', 'Stopped');
  await there.getByRole('button', { name: 'Start' }).click();
  await expect(there.locator('header')).toContainText('Measuring');
  await second.close();

  await page.getByRole('button', { name: 'More for Demo heart' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await visitor.add('Demo heart');
  await visitor.is('Demo heart', 'Measuring');
  await page.waitForTimeout(1000);
  await visitor.card('Demo heart').getByRole('button', { name: 'Stop' }).click();
  await expect(visitor.card('Demo heart')).toContainText(/Not connected[^]*On the server/);
  const times = (await visitor.stored('Demo heart', 'ecg')).map(([t]) => t);
  expect(times.length).toBeGreaterThan(250);
  expect(times.every((t, i) => i === 0 || t - times[i - 1]! > 3.9), 'no sample came twice').toBe(true);
});

own('a sensor is renamed, and shared in a room', async ({ visitor }) => {
  const { page } = visitor;
  const room = (await (await visitor.context.request.post('/api/v1/rooms', { data: { name: 'Lab' } })).json()) as { id: string };
  await visitor.add('Demo heart');
  await visitor.is('Demo heart', 'Measuring');
  await page.getByRole('button', { name: 'More for Demo heart' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('My heart');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await visitor.stored('My heart', 'ecg')).length).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'More for My heart' }).click();
  await page.getByRole('menuitem', { name: 'Room' }).click();
  await page.getByRole('combobox', { name: 'Room' }).selectOption('Lab');
  await page.getByRole('button', { name: 'Save' }).click();
  const shared = async () => ((await (await visitor.context.request.get(`/api/v1/rooms/${room.id}`)).json()) as { sensors: { sensor_name: string }[] }).sensors.map((s) => s.sensor_name);
  await expect.poll(shared).toEqual(['My heart']);
  await visitor.card('My heart').getByRole('button', { name: 'Stop' }).click();
  await expect.poll(shared).toEqual([]);
});

for (const [browser, userAgent, advice] of [
  ['Firefox', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox has no Web Bluetooth. Use Chrome, Edge or Opera'],
  ['an iPhone', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1', 'Browsers on iPhone and iPad have no Web Bluetooth. Use the app Bluefy'],
] as const) {
  base(`${browser} is told what it cannot do, and what to use instead`, async ({ browser, world }) => {
    const visitor = await Visitor.come(world, browser, { userAgent });
    await expect(visitor.page.getByRole('button', { name: 'Bluetooth device' })).toBeDisabled();
    await expect(visitor.page.getByRole('main')).toContainText(advice);
    await visitor.context.close();
  });
}
