import { atLevel, expect, setHidden, test, type Page, type World } from './world.ts';

const tiles = (page: Page) => page.getByRole('article');
const tile = (page: Page, name: string) => page.getByRole('article', { name, exact: true });

test('20 simulated sensors: seen, searched, grouped, sorted, pinned', async ({ page, world }) => {
  world.simulate(20);
  await page.goto(world.url);
  await expect(page.getByRole('status').filter({ hasText: '20 sensors' })).toBeVisible();
  await expect(tile(page, 'sim-1')).toContainText('Heart rate');
  await expect(tile(page, 'sim-1').locator('.number').first()).toHaveText(/^\d{2,3}$/);

  await page.getByRole('searchbox', { name: 'Search sensors' }).fill('sim-1 ecg');
  await expect(page.getByText('11 of 20 sensors')).toBeVisible(); // 1, 10 to 19
  await page.getByRole('searchbox').fill('no such sensor');
  await page.getByRole('button', { name: 'Show all sensors' }).click();
  await expect(page.getByText('20 sensors')).toBeVisible();

  await page.getByLabel('Group by').selectOption('source');
  await expect(page.getByRole('heading', { name: 'sensocto simulate 20' })).toBeVisible();
  await tile(page, 'sim-3').hover();
  await page.getByRole('button', { name: 'Pin sim-3', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Pinned 1' })).toBeVisible();
  await expect(tiles(page).first()).toHaveAccessibleName('sim-3');

  await page.getByLabel('Show').selectOption('position');
  await expect(page.getByRole('img', { name: 'Position, track' }).first()).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Show')).toHaveValue('position'); // all of it is remembered
  await expect(tiles(page).first()).toHaveAccessibleName('sim-3');
});

test('the trace of a tile moves', async ({ page, world }) => {
  world.simulate(1, 'ecg');
  await page.goto(world.url);
  const canvas = tile(page, 'sim-1').locator('canvas').first();
  const picture = () => canvas.evaluate((c: HTMLCanvasElement) => c.toDataURL());
  await expect(canvas).toBeVisible();
  const before = await picture();
  await expect.poll(picture).not.toBe(before);
});

const name = (i: number) => `device-${i}`;
const bring = (world: World, count: number) => Array.from({ length: count }, (_, i) => world.device(name(i)));

test('devices are asked for what docs/attention.md says', async ({ page, world }) => {
  const devices = bring(world, 40);
  const [first, last] = [devices[0]!, devices[39]!];
  await atLevel('none', ...devices);
  await page.goto(world.url);
  await expect(page.getByText('40 sensors')).toBeVisible();
  await page.mouse.move(2, 2);

  await atLevel('medium', first); // in the viewport
  await atLevel('low', last); // on the page, scrolled away

  await tile(page, name(0)).hover();
  await atLevel('high', first);
  await page.mouse.move(2, 2);
  await atLevel('medium', first);

  await page.getByRole('region', { name: 'Sensors' }).evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await atLevel('medium', last);
  await atLevel('low', first);

  await setHidden(page, true);
  await atLevel('none', ...devices);
  await setHidden(page, false);
  await atLevel('medium', last);
  await atLevel('low', first);

  await page.getByRole('searchbox').fill(name(7));
  await atLevel('medium', devices[7]!);
  await atLevel('none', first, last); // not on the page any more
  await page.close();
  await atLevel('none', ...devices);
});

test('arrow keys go from tile to tile, also to those that are scrolled away', async ({ page, world }) => {
  bring(world, 40);
  await page.goto(world.url);
  const link = (i: number) => page.getByRole('link', { name: name(i), exact: true });
  await link(0).focus();
  await page.keyboard.press('ArrowRight');
  await expect(link(1)).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(link(4)).toBeFocused(); // three columns
  await page.keyboard.press('End');
  await expect(link(39)).toBeFocused();
  await expect(link(39)).toBeInViewport();
  await page.keyboard.press('Home');
  await expect(link(0)).toBeInViewport();
});

test('a sensor that appears and one that goes offline show without a reload', async ({ page, world }) => {
  await page.goto(world.url);
  await expect(page.getByRole('heading', { name: 'No sensors yet' })).toBeVisible();
  const device = world.device('late');
  await expect(tile(page, 'late').getByRole('img', { name: 'Sending' })).toBeVisible();
  device.stop();
  await device.device.close();
  await expect(tile(page, 'late').getByRole('img', { name: 'Offline' })).toBeVisible();
});

test('the page says how the connection is, and goes on by itself', async ({ page, world }) => {
  world.device('one');
  await page.goto(world.url);
  await expect(page.getByText('Connected', { exact: true })).toBeVisible();
  await world.program.kill();
  await expect(page.getByText('Reconnecting…')).toBeVisible();
  await world.program.start();
  await expect(page.getByText('Connected', { exact: true })).toBeVisible();
  await expect(tile(page, 'one').getByRole('img', { name: 'Sending' })).toBeVisible();
});
