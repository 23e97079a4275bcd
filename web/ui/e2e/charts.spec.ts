import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { sensocto, temporaryDirectory } from '../../../e2e/program.ts';
import { servePage } from './charts/serve.mjs';
import { WebSocket } from 'ws';
import { Client } from '../../client/src/index.ts';
import { atLevel, expect, test, type Page } from './world.ts';

const chart = (page: Page) => page.getByRole('group', { name: /^Chart of/ });
const cells = (page: Page, name: RegExp, column: number) => page.getByRole('region', { name }).locator(`tbody tr td:nth-of-type(${column})`).allInnerTexts();
const sum = (list: string[]) => list.reduce((n, s) => n + Number(s.replaceAll(',', '')), 0);

for (const ratio of [1, 2]) {
  test(`a 1 mV square of 100 ms is 10 mm high and 2.5 mm wide, ${ratio} device pixels to one`, async ({ browser }) => {
    const server = await servePage();
    const page = await browser.newPage({ deviceScaleFactor: ratio });
    await page.goto(server.url);
    await page.waitForFunction(() => 'ready' in window);
    const mm = 5;
    await page.evaluate((mm) => (window as unknown as { square(mm: number): void }).square(mm), mm);
    const measured = () => page.evaluate(traceExtent);
    await expect.poll(async () => (await measured()).width).toBeGreaterThan(0);
    const { height, width } = await measured();
    expect(Math.abs(height / ratio / mm - 10)).toBeLessThan(0.4); // the line itself is 1.25 px thick
    expect(Math.abs(width / ratio / mm - 2.5)).toBeLessThan(0.4);
    await page.close();
    await server.close();
  });
}

/** In device pixels: height of the trace, the only blue on the paper, from its lowest to its highest row, and its width at half of that. */
function traceExtent(): { height: number; width: number } {
  const canvas = document.querySelector<HTMLCanvasElement>('#chart canvas')!;
  const { data, width } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
  const blue = (i: number) => data[i + 2]! - data[i]! > 60;
  const rows = new Map<number, number[]>();
  for (let i = 0; i < data.length; i += 4) {
    if (!blue(i)) continue;
    const at = i / 4;
    const y = Math.floor(at / width);
    rows.set(y, [...(rows.get(y) ?? []), at % width]);
  }
  const ys = [...rows.keys()].sort((a, b) => a - b);
  if (ys.length === 0) return { height: 0, width: 0 };
  const [top, bottom] = [ys[0]!, ys.at(-1)!];
  const middle = rows.get(Math.round((top + bottom) / 2)) ?? [];
  return { height: bottom - top, width: Math.max(...middle) - Math.min(...middle) };
}

test('a sensor: every attribute by its kind, live, paused, measured', async ({ page, world }) => {
  world.simulate(1, 'all');
  await page.goto(`${world.url}/sensors/sim-1`);
  await expect(page.getByRole('heading', { name: 'sim-1', level: 1 })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Heart rate' })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Position: a way of/ })).toBeVisible();
  for (const name of ['ECG', 'Respiration', 'Accelerometer']) await expect(page.getByRole('button', { name, pressed: true })).toBeVisible();

  const picture = () => chart(page).locator('canvas').first().evaluate((c: HTMLCanvasElement) => c.toDataURL());
  const before = await picture();
  await expect.poll(picture).not.toBe(before); // it moves

  await chart(page).press(' ');
  await expect(page.getByRole('button', { name: 'Go to live' })).toBeVisible();
  const still = await picture();
  await page.waitForTimeout(700);
  expect(await picture()).toBe(still);

  await page.getByRole('button', { name: /^Drag measures/ }).click();
  const box = (await chart(page).boundingBox())!;
  await page.mouse.move(box.x + 300, box.y + 90);
  await page.mouse.down();
  await page.mouse.move(box.x + 370, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await expect(page.getByText(/^Δt .*\/min · Δ .* mV$/)).toBeVisible();

  await chart(page).press('s');
  await expect(page.getByRole('status').filter({ hasText: /^Δt .* mV\. ECG: -?[\d.]+ mV, between/ })).toBeAttached();
  await chart(page).press('End');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
});

test('the wheel zooms where it points and moves sideways, back through what was, and to live again', async ({ page, world }) => {
  world.simulate(1, 'ecg');
  await page.goto(`${world.url}/sensors/sim-1`);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  const span = page.getByRole('combobox', { name: 'Time shown' });
  await span.selectOption({ value: '10000' });
  const box = (await chart(page).boundingBox())!;
  await page.mouse.move(box.x + box.width - 60, box.y + 60);
  await page.mouse.wheel(0, -315); // e^(−315 × 0.0022) is a half
  await expect(span.locator('option:checked')).toHaveText('5 secs');
  await page.mouse.wheel(0, 315);
  await expect(span).toHaveValue('10000');
  await page.mouse.wheel(-500, 0);
  await expect(page.getByRole('button', { name: 'Go to live' })).toBeVisible();
  await page.mouse.wheel(5000, 0);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
});

test('paper: speed, gain and calibration of the screen, which the browser remembers', async ({ page, world }) => {
  world.simulate(1, 'ecg');
  await page.goto(`${world.url}/sensors/sim-1`);
  const paper = page.getByRole('combobox', { name: 'Paper' });
  const span = page.getByRole('combobox', { name: 'Time shown' }).locator('option:checked');
  const seconds = async () => parseFloat(await span.innerText()); // rounded
  const shrunk = async (from: number, by: number) => Math.abs(from / (await seconds()) / by - 1);
  await paper.selectOption({ label: '25 mm/s' });
  await expect(page.getByText('screen not calibrated')).toBeVisible();
  const at25 = await seconds();
  await paper.selectOption({ label: '50 mm/s' });
  await expect.poll(() => shrunk(at25, 2)).toBeLessThan(0.15);
  const gain = page.getByRole('combobox', { name: 'Gain' });
  await gain.selectOption({ label: '20 mm/mV' });
  await expect(gain.locator('option:checked')).toHaveText('20 mm/mV');
  const at50 = await seconds();
  await page.getByRole('button', { name: 'Calibrate the screen' }).click();
  const width = page.getByLabel('Width of the rectangle');
  const before = Number(await width.inputValue());
  await width.fill(String(before * 1.5)); // a screen with half as many pixels again to the millimetre
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('to scale', { exact: true })).toBeVisible();
  await expect.poll(() => shrunk(at50, 1.5)).toBeLessThan(0.15);
  await page.reload();
  await paper.selectOption({ label: '50 mm/s' });
  await expect(page.getByText('to scale', { exact: true })).toBeVisible();
});

test('a device is asked for everything while its sensor is open, and for nothing afterwards', async ({ page, world }) => {
  const device = world.device('strap');
  await atLevel('none', device);
  await page.goto(`${world.url}/sensors/strap`);
  await atLevel('high', device);
  await page.getByRole('link', { name: 'Lobby' }).click();
  await expect(page.getByRole('heading', { name: 'strap' }).or(page.getByRole('article', { name: 'strap' })).first()).toBeVisible();
  await page.goto('about:blank');
  await atLevel('none', device);
});

test('no sample is missing or there twice between history and live, also after the server was away', async ({ page, world }) => {
  const device = world.device('strap');
  await page.waitForTimeout(3000); // some history
  await page.goto(`${world.url}/sensors/strap`);
  await expect(chart(page)).toBeVisible();
  await page.waitForTimeout(2000);
  await world.program.kill();
  await page.waitForTimeout(1500);
  await world.program.start();
  await expect(page.getByText('Connected')).toBeVisible({ timeout: 60_000 });
  await expect.poll(() => device.device.state).toBe('online');
  await page.waitForTimeout(2000);
  device.stop();
  await device.device.close(); // all of it is on the server
  const csv = await (await page.request.get(`${world.url}/api/v1/sensors/strap/attributes/level/measurements?format=csv&limit=10000`)).text();
  const all = csv.trim().split('\n').length - 1;
  expect(all).toBeGreaterThan(20);
  await page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: '600000' }); // it goes on: nothing slides out of it meanwhile
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  await expect.poll(async () => sum(await cells(page, /^level: what is shown/, 4)), { message: 'as many as the server has' }).toBe(all);
});

test('a year: the single peak is there at every zoom, and back to live', async ({ page, world }) => {
  const end = Math.floor(Date.now() / 600_000) * 600_000;
  const rows = Array.from({ length: 52_560 }, (_, i) => `${end - (52_560 - i) * 600_000},${i === 40_000 ? 999 : 70 + 10 * Math.sin(i / 23)}`);
  const file = join(temporaryDirectory(), 'year.csv');
  writeFileSync(file, `time_ms,heartrate (bpm)\n${rows.join('\n')}\n`);
  await sensocto(['import', file, '--sensor-id', 'year', '--server', world.program.url]);
  await page.goto(`${world.url}/sensors/year`);
  await page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: String(365 * 86_400_000) });
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  const peaks = async () => Math.max(...(await cells(page, /heartrate: what is shown/, 2)).map((s) => Number(s.replaceAll(',', ''))));
  await expect.poll(peaks).toBe(999);
  for (const days of [3650, 30]) {
    await page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: String(days * 86_400_000) });
    await expect.poll(peaks).toBe(days > 365 ? 999 : 80);
  }
  for (let i = 0; i < 5; i++) await chart(page).press('Shift+ArrowLeft'); // 75 days back; the peak is 87 days ago
  await expect.poll(peaks).toBe(999);
  await chart(page).press('End');
  await expect.poll(peaks).toBe(80);
});

test('a note is an event of the sensor: on the chart, after a reload, in the export; it can be removed', async ({ page, world }) => {
  world.device('strap');
  await page.goto(`${world.url}/sensors/strap`);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await page.waitForTimeout(1500);
  await chart(page).press('m');
  await page.getByRole('textbox', { name: 'Note' }).fill('Felt dizzy');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('region', { name: 'Events and notes' })).toContainText('Felt dizzy');
  await page.reload();
  await expect(page.getByRole('region', { name: 'Events and notes' })).toContainText('Felt dizzy');

  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('combobox', { name: 'Time', exact: true }).selectOption('all');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  const stream = await (await download).createReadStream();
  let text = '';
  for await (const part of stream) text += String(part);
  expect(text).toContain('Felt dizzy');

  await page.getByRole('button', { name: /^Remove the note/ }).click();
  await expect(page.getByRole('region', { name: 'Events and notes' })).not.toContainText('Felt dizzy');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('region', { name: 'Events and notes' })).toContainText('Felt dizzy');
});

for (const scheme of ['light', 'dark'] as const) {
  test(`axe finds nothing on an open sensor, ${scheme}`, async ({ page, world }) => {
    world.simulate(1, 'all');
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(`${world.url}/sensors/sim-1`);
    await expect(page.getByRole('heading', { name: 'Heart rate' })).toBeVisible();
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    await expect(page.getByRole('region', { name: /^ECG: what is shown/ })).toBeVisible();
    await chart(page).press(' ');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`)).toEqual([]);
  });
}

test('all heart rates with one click: on one axis, overlaid, and as a link', async ({ page, world, context }) => {
  world.simulate(3, 'vitals');
  await page.goto(`${world.url}/compare`);
  await page.getByRole('button', { name: 'All 3: Heart rate' }).click();
  for (const name of ['sim-1', 'sim-2', 'sim-3']) await expect(page.locator('dl').getByText(`${name} · Heart rate`)).toBeVisible();
  await expect(page.locator('dl dd.number').first()).toHaveText(/^\d+ bpm$/);
  await page.getByRole('switch', { name: 'Overlay traces of the same kind' }).check();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Copy the link' }).click();
  await expect(page).toHaveURL(/overlay=1&from=\d+&to=\d+/);

  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByRole('button', { name: 'Go to live' })).toBeVisible();
  await expect(other.getByRole('switch', { name: 'Overlay traces of the same kind' })).toBeChecked();
  await expect(other.locator('dl').getByText('sim-3 · Heart rate')).toBeVisible();
  const { violations } = await new AxeBuilder({ page: other }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`)).toEqual([]);
});

test('everything that can be compared is reached, by search and by keyboard', async ({ page, world }) => {
  const names = Array.from({ length: 20 }, (_, i) => `channel-${String(i + 1).padStart(2, '0')}`);
  const attributes = names.map((id) => ({ attribute_id: id, attribute_type: id, sampling_rate: 1 }));
  const client = new Client({ url: world.program.url, transport: WebSocket });
  world.onEnd(() => client.close());
  const device = (sensorId: string, list: typeof attributes) => client.device({ sensorId, attributes: list });
  for (const id of ['left', 'right']) device(id, attributes);
  for (let i = 0; i < 105; i++) device(`bed-${i + 1}`, [{ attribute_id: 'heartrate', attribute_type: 'heartrate', sampling_rate: 1 }]);
  await page.goto(`${world.url}/compare`);
  const quantities = page.getByRole('group', { name: 'The same quantity of all sensors' }).getByRole('button');
  const checkboxes = page.getByRole('checkbox');
  await expect(quantities.last()).toHaveText('Show more (13 quantities)'); // eight are shown, and all heart rates are one of them
  await quantities.last().focus();
  await page.keyboard.press('Enter');
  await expect(quantities.nth(8)).toBeFocused();
  await expect(quantities.last()).toHaveText('Show more (5 quantities)');
  await quantities.last().press('Enter');
  await expect(quantities).toHaveCount(21);

  await expect(page.getByRole('heading', { level: 3 })).toHaveCount(100);
  await page.getByRole('button', { name: 'Show more (7 sensors)' }).press('Enter');
  await expect(page.getByRole('heading', { level: 3 })).toHaveCount(107);
  await expect(checkboxes.and(page.locator(':focus'))).toHaveCount(1);

  await page.getByRole('searchbox', { name: 'Search sensors and attributes' }).fill('channel-17');
  await expect(quantities).toHaveText(['All 2: channel-17']);
  await expect(page.getByRole('heading', { level: 3 })).toHaveText(['left', 'right']);
  await page.keyboard.press('Tab');
  await expect(quantities).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\?a=left%2Fchannel-17&a=right%2Fchannel-17$/);
});

test('hours of an accelerometer and of a way: each axis at every zoom, and the positions of what is on the screen', async ({ page, world }) => {
  const begin = Date.now() - 10 * 3_600_000;
  const client = new Client({ url: world.program.url, transport: WebSocket });
  world.onEnd(() => client.close());
  const device = client.device({ sensorId: 'walk', sensorName: 'Walk', sensorType: 'phone', attributes: [{ attribute_id: 'accelerometer', attribute_type: 'accelerometer' }, { attribute_id: 'position', attribute_type: 'geolocation' }] });
  const count = 30_000; // more than anybody reads one by one
  for (let i = 0; i < count; i++) {
    const timestamp = begin + i * 1000;
    device.queueMeasurement({ attribute_id: 'accelerometer', payload: { x: Math.sin(i / 500), y: i === 12_345 ? 7.5 : 0, z: 1 }, timestamp });
    if (i % 10 === 0) device.queueMeasurement({ attribute_id: 'position', payload: { latitude: 47 + i * 1e-5, longitude: 8 }, timestamp });
    if (i % 1000 === 999) await expect.poll(() => device.unsent, { intervals: [20] }).toBe(0); // as a device does, one batch after the other
  }
  const stored = async (attribute: string, field: string) => {
    const answer = await page.request.get(`${world.url}/api/v1/sensors/walk/attributes/${attribute}/history?field=${field}&max_buckets=100`);
    return (((await answer.json()) as { buckets?: { count: number }[] }).buckets ?? []).reduce((n, b) => n + b.count, 0);
  };
  await expect.poll(() => stored('accelerometer', 'y'), { timeout: 60_000 }).toBe(count);
  await device.close();

  await page.goto(`${world.url}/sensors/walk`);
  await page.getByLabel('Time shown').selectOption({ label: '1 day' });
  await page.getByRole('button', { name: 'Table' }).click();
  const region = page.getByRole('region', { name: /y/ }).first();
  await expect(region).toContainText('7.5'); // the peak is not lost
  await expect(page.getByRole('img', { name: /^position: a way of 33/i })).toBeVisible(); // km, all of it
  await page.getByRole('button', { name: 'Pause' }).click();
  await chart(page).press('ArrowLeft');
  await page.getByLabel('Time shown').selectOption({ label: '1 hr' });
  await expect(page.getByRole('img', { name: /^position: a way of 33/i })).toBeHidden(); // another stretch, another way
});

test('all positions and all gazes with one click: on one plane each, where the cursor is, and as a link', async ({ page, world, context }) => {
  const client = new Client({ url: world.program.url, transport: WebSocket });
  world.onEnd(() => client.close());
  const begin = Date.now() - 20_000;
  const attributes = [{ attribute_id: 'geolocation', attribute_name: 'Position', attribute_type: 'geolocation' }, { attribute_id: 'eye_gaze', attribute_name: 'Gaze' }];
  ['Ada', 'Bob', 'Cy'].forEach((name, n) => {
    const device = client.device({ sensorId: name.toLowerCase(), sensorName: name, sensorType: 'glasses', attributes: attributes.slice(0, n < 2 ? 2 : 1) });
    for (let i = 0; i <= 20; i++) {
      const timestamp = begin + i * 1000;
      device.queueMeasurement({ attribute_id: 'geolocation', payload: { latitude: 48.2 + 0.001 * n + 1e-5 * i, longitude: 16.37 }, timestamp });
      if (n < 2) device.queueMeasurement({ attribute_id: 'eye_gaze', payload: { x: i / 20, y: 0.25 + n / 2, confidence: 1 }, timestamp });
    }
  });
  await page.goto(`${world.url}/`);
  await page.getByRole('link', { name: 'All positions' }).click();
  const plane = page.getByRole('region', { name: 'Positions', exact: true });
  await expect(plane.getByRole('img', { name: /^Positions on one plane: 3 of 3/ })).toBeVisible();
  const rows = plane.getByRole('row');
  await expect(rows.nth(1)).toContainText(/1\s+Ada\s*48\.20020 °N · 16\.37000 °E\s*0 m\s*22 m/);
  await expect(rows.nth(3)).toContainText(/3\s+Cy\s*48\.20220 °N · 16\.37000 °E\s*223 m\s*22 m/);
  await expect(page.locator('dl').getByText('Bob · Position · latitude')).toBeVisible();

  await page.getByRole('button', { name: /^All 2: Gaze/ }).click();
  const gaze = page.getByRole('region', { name: 'Gaze', exact: true });
  await expect(gaze.getByRole('row').nth(1)).toContainText(/1\s+Ada\s*1 · 0\.25/);
  await expect(gaze.getByRole('row').nth(2)).toContainText(/2\s+Bob\s*1 · 0\.75/);
  await page.getByRole('button', { name: 'Pause' }).click();
  await chart(page).focus();
  for (let i = 0; i < 40; i++) await page.keyboard.press('Alt+ArrowLeft'); // the cursor of the chart is that of the planes
  await expect(gaze).toContainText(/Gaze: At /);
  await expect(gaze.getByRole('row').nth(1)).not.toContainText(/1\s+Ada\s*1 · /);
  await expect(plane.getByRole('row').nth(1)).not.toContainText('48.20020');
  await page.keyboard.press('s');
  await expect(page.getByRole('status').filter({ hasText: /Ada · Position · latitude: 48\.\d{5} °N, between 48\.20/ })).toBeAttached();

  await page.getByRole('button', { name: 'Copy the link' }).click();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByRole('img', { name: /^Positions on one plane: 3 of 3/ })).toBeVisible();
  await expect(other.getByRole('img', { name: /^Gaze on one plane: 2 of 2/ })).toBeVisible();
  const { violations } = await new AxeBuilder({ page: other }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`)).toEqual([]);

  await page.goto(`${world.url}/sensors/ada`);
  await expect(page.getByRole('img', { name: /^Gaze: 1\d points on the screen/ })).toBeVisible();
  await page.goto(`${world.url}/`);
  await page.getByLabel('Show', { exact: true }).selectOption({ label: 'Gaze' });
  await expect(page.getByRole('img', { name: 'Gaze, where somebody looks' })).toHaveCount(2);
});
