// A network that is cut in mid-stream, tabs that are reloaded meanwhile, a disk without room: no measurement is missing or
// there twice, and the page says what is going on. CUT=600 cuts the network for ten minutes instead of some seconds.

import type { Page } from '@playwright/test';
import { Network } from './network.ts';
import { expect, test as base } from './world.ts';

const cutMS = 1000 * Number(process.env['CUT'] ?? 6);

const test = base.extend<{ network: Network }>({
  network: async ({ world }, use) => {
    const network = await Network.before(world.program.url);
    await use(network);
    network.close();
  },
});
test.beforeEach(() => test.setTimeout(240_000 + 2 * cutMS));

const count = (text: string) => Number(text.replace(/[^\d]/g, ''));

test('who watches sees all that was measured while the network was cut, once', async ({ page, world, network }) => {
  const device = world.device('strap'); // has a way of its own to the server
  await page.waitForTimeout(1500);
  await page.goto(`${network.url}/sensors/strap`);
  await expect(page.getByText('Connected', { exact: true })).toBeVisible();
  await page.waitForTimeout(2000);
  const cut = Date.now();
  network.cut();
  await expect(page.getByText('Connection interrupted: what is missed is read afterwards')).toBeVisible();
  await expect(page.getByText('Reconnecting…')).toBeVisible();
  await page.waitForTimeout(cutMS);
  const mended = Date.now();
  network.mend();
  await expect(page.getByText('Connected', { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('Connection interrupted: what is missed is read afterwards')).toBeHidden();
  await page.waitForTimeout(2000);
  device.stop();
  await device.device.close(); // all of it is on the server
  const times = await world.stored(page, 'strap', 'level');
  expect(times.filter((t) => t > cut && t < mended).length, 'measured meanwhile').toBeGreaterThan(10);

  await page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: String(cutMS > 60_000 ? 3_600_000 : 600_000) });
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  const cells = page.getByRole('region', { name: /^level: what is shown/ }).locator('tbody tr td:nth-of-type(4)');
  await expect.poll(async () => (await cells.allInnerTexts()).reduce((n, s) => n + count(s), 0), { message: 'as many as the server has' }).toBe(times.length);
});

/** Starts the demo heart in a browser that has the app for times without a network. */
async function startHeart(page: Page, url: string) {
  await page.goto(`${url}/sense`);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload(); // the worker has taken over
  await page.getByRole('button', { name: 'Demo heart' }).click();
  const card = page.getByRole('article', { name: 'Demo heart' });
  await expect(card).toContainText(/On the server\s*[1-9]/);
  return card;
}

async function heartOf(page: Page, url: string): Promise<string> {
  const { sensors } = (await (await page.request.get(`${url}/api/v1/sensors`)).json()) as { sensors: { sensor_id: string; sensor_name: string }[] };
  return sensors.find((s) => s.sensor_name === 'Demo heart')!.sensor_id;
}

async function signUp(page: Page, url: string): Promise<void> {
  const answer = await page.request.post(`${url}/api/v1/users`, { data: { email: 'ada@example.org', name: 'Ada', password: 'violet harbour sings at noon' } });
  expect(answer.status()).toBe(201);
}

test('what is measured while the network is cut, and the tab reloaded and the server killed meanwhile, is stored once', async ({ page, world, network }) => {
  await signUp(page, network.url);
  const card = await startHeart(page, network.url);
  network.cut();
  await expect(card).toContainText('No connection: what is measured is kept here');
  await page.waitForTimeout(cutMS);
  await expect(card).toContainText(/Waiting here\s*[\d,]{3,}/);
  const reloaded = Date.now();
  await page.reload(); // the app comes from this browser
  const back = Date.now();
  await expect(page.getByText(/Connecting…|Reconnecting…|Offline/).first()).toBeVisible();
  await world.program.kill();
  await world.program.start();
  network.mend();
  await expect(page.getByText('Connected', { exact: true })).toBeVisible({ timeout: 60_000 });
  const again = page.getByRole('article', { name: 'Demo heart' });
  await expect(again.locator('header')).toContainText('Measuring');
  const heart = await heartOf(page, network.url);
  await expect.poll(async () => (await world.stored(page, heart, 'ecg')).some((t) => t > back), { message: 'it goes on', timeout: 60_000 }).toBe(true);
  await again.getByRole('button', { name: 'Stop' }).click();
  await expect(again).toContainText(/Not connected[^]*On the server/);
  const times = await world.stored(page, heart, 'ecg');
  const steps = times.slice(1).map((t, i) => t - times[i]!);
  expect(steps.reduce((least, s) => Math.min(least, s)), 'none came twice').toBeGreaterThan(3.9);
  const gaps = steps.flatMap((s, i) => (s > 4.1 ? [times[i]!] : []));
  expect(gaps.length, 'one gap: the page was away').toBe(1);
  expect(gaps[0], 'it begins before the page is back').toBeLessThan(back);
  expect(gaps[0], 'and not long before it was left').toBeGreaterThan(reloaded - 5000);
  expect(times.length * 4).toBeGreaterThan(cutMS);
});

test('a browser without room on its disk says so, and nothing is missing once there is some', async ({ page, world, network }) => {
  await signUp(page, network.url);
  await page.goto(`${network.url}/sense`);
  const devtools = await page.context().newCDPSession(page);
  const { usage } = await devtools.send('Storage.getUsageAndQuota', { origin: network.url });
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: network.url, quotaSize: Math.ceil(usage) + 1 });
  await page.getByRole('button', { name: 'Demo heart' }).click();
  const card = page.getByRole('article', { name: 'Demo heart' });
  await expect(card.getByRole('alert')).toContainText('This browser has no room left on its disk');
  network.cut();
  await expect(card).toContainText('No connection: what is measured is kept here');
  await expect(card).toContainText(/Waiting here\s*[\d,]{3,}/);
  network.mend();
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: network.url });
  await expect(card).toContainText(/On the server\s*[\d,]{3,}/, { timeout: 60_000 });
  await expect(card.getByRole('alert')).toBeHidden();
  await card.getByRole('button', { name: 'Stop' }).click();
  await expect(card).toContainText(/Not connected[^]*On the server/);
  await expect(card).not.toContainText('Lost');
  const times = await world.stored(page, await heartOf(page, network.url), 'ecg');
  const steps = times.slice(1).map((t, i) => t - times[i]!);
  expect(steps.filter((s) => Math.abs(s - 4) > 0.1), 'no gap, none twice').toEqual([]);
});

test('a full outbox says how many measurements it refused and what to do, and takes them again once some have gone', async ({ page, world, network }) => {
  test.setTimeout(240_000);
  await signUp(page, network.url);
  await page.goto(`${network.url}/sense`);
  await page.getByRole('button', { name: 'Marker', exact: true }).click();
  const card = page.getByRole('article', { name: 'Marker' });
  await expect(card).toContainText('Connected');
  network.cut();
  await expect(card).toContainText('No connection: what is measured is kept here');
  // The outbox holds 256 MiB: large markers fill it soonest. Without room on the disk they wait in memory, and the same text is there once.
  const devtools = await page.context().newCDPSession(page);
  const { usage } = await devtools.send('Storage.getUsageAndQuota', { origin: network.url });
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: network.url, quotaSize: Math.ceil(usage) + 1 });
  const size = 60_000;
  await card.getByRole('textbox').evaluate((field: HTMLInputElement, size) => {
    field.value = 'x'.repeat(size);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }, size);
  const mark = card.getByRole('button', { name: 'Mark', exact: true });
  const press = (times: number) => mark.evaluate((button: HTMLButtonElement, times) => { for (let i = 0; i < times; i++) button.click(); }, times);
  const holds = Math.floor((256 << 20) / (16 + size + '{"type":"marker","text":""}'.length));
  await press(holds);
  await expect(card).toContainText(new RegExp(`Waiting here\\s*${holds.toLocaleString('en-GB')} samples`));
  await expect(card).not.toContainText('Lost');
  await press(3);
  await expect(card.getByRole('alert').filter({ hasText: 'The outbox of this browser is full' })).toContainText('Get the connection to the server back');
  await expect(card).toContainText(/Lost\s*3 samples/);
  await expect(card).toContainText(new RegExp(`Waiting here\\s*${holds.toLocaleString('en-GB')} samples`));

  await devtools.send('Storage.overrideQuotaForOrigin', { origin: network.url });
  network.mend();
  await expect(card).toContainText(/On the server\s*[\d,]+ samples/, { timeout: 120_000 });
  await expect(card.getByRole('alert'), 'there is room again').toHaveCount(0, { timeout: 60_000 });
  await expect(card).toContainText(/Lost\s*3 samples/); // what was lost stays said
});
