// What a tab costs the server: docs/attention.md says what is sent at each level, and here that is counted on the wire.

import { addPasskey, plugInAuthenticator, signOut, signUp } from './sign-in.ts';
import { atLevel, expect, setHidden, test, type TestDevice } from './world.ts';
import { allowed, Wire, type Traffic } from './wire.ts';

// Two tiles fit: the others are scrolled away.
test.use({ viewport: { width: 420, height: 620 } });

const values = ({ single, merged }: Traffic) => single + merged;

test('high, medium, low and hidden: each is sent what the table says, and no more', async ({ page, world }) => {
  const wire = new Wire(page);
  world.simulate(8, 'ecg'); // 512 Hz
  await page.goto(world.url);
  await page.getByRole('button', { name: 'Skip' }).click();
  await expect(page.getByRole('article', { name: 'sim-2' })).toBeVisible();
  await page.getByRole('link', { name: 'sim-1', exact: true }).focus(); // as pointing at it
  const settled = async () => {
    const of = await wire.during(1);
    return of('sim-1').single > 100 && values(of('sim-2')) > 0 && values(of('sim-2')) < 100 && values(of('sim-8')) < 20;
  };
  await expect.poll(settled, { message: 'each is at its level' }).toBe(true);
  const of = await wire.during(4);
  const sent = { high: of('sim-1'), medium: of('sim-2'), low: of('sim-8') };
  test.info().annotations.push({ type: 'traffic', description: JSON.stringify(sent) });

  const table = allowed();
  for (const level of ['high', 'medium', 'low'] as const) {
    expect(sent[level].frames, `${level}: frames`).toBeLessThanOrEqual(1.5 * table[level].frames + 0.5);
    expect(values(sent[level]), `${level}: measurements and buckets`).toBeLessThanOrEqual(1.5 * table[level].values);
    expect(sent[level].bytes, `${level}: bytes`).toBeLessThanOrEqual(1.5 * table[level].bytes);
    expect(values(sent[level]), `${level}: it flows`).toBeGreaterThan(table[level].values / 5); // where the machine lets it
  }
  expect(sent.high.merged, 'high: measurements one by one').toBe(0);
  expect(sent.medium.merged, 'medium: most are merged').toBeGreaterThan(sent.medium.single);
  expect(sent.low.merged, 'low: most are merged').toBeGreaterThan(sent.low.single);

  await setHidden(page, true);
  const bytes = async () => {
    const of = await wire.during(2);
    return Array.from({ length: 8 }, (_, i) => of(`sim-${i + 1}`).bytes).reduce((a, b) => a + b);
  };
  await expect.poll(bytes, { message: 'what was on its way has come' }).toBe(table.none.bytes);
  const hidden = await wire.during(3);
  for (let i = 1; i <= 8; i++) expect(hidden(`sim-${i}`).bytes, 'hidden: nothing of any sensor').toBe(table.none.bytes);

  await setHidden(page, false);
  await expect.poll(async () => values((await wire.during(1))('sim-2')), { message: 'and it goes on' }).toBeGreaterThan(0);
});

test('from the first sign-in to a year and back to live: devices are asked, and the page is sent, what the table says', async ({ page, world }) => {
  const wire = new Wire(page);
  const devices = Array.from({ length: 20 }, (_, i) => world.device(`sim-${i}`));
  const [first, last] = [devices[0]!, devices[19]!];
  const flows = (busy: string[], silent: string[]) =>
    expect
      .poll(async () => {
        const of = await wire.during(1.5);
        return busy.every((id) => values(of(id)) > 0) && silent.every((id) => of(id).bytes === 0);
      }, { message: `measurements of ${busy.join(' and ') || 'nobody'} come, of ${silent.join(' and ') || 'nobody'} none` })
      .toBe(true);

  await plugInAuthenticator(page);
  await signUp(page, world.url);
  await page.goto(`${world.url}/me?tab=sign-in`);
  await addPasskey(page, 'this laptop');
  await expect(page.getByRole('listitem').filter({ hasText: 'this laptop' })).toBeVisible();
  await signOut(page);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await expect(page.getByText('Welcome, Ada')).toBeVisible();
  await page.goto(world.url);
  await expect(page.getByText('20 sensors')).toBeVisible();
  await page.mouse.move(2, 2);
  await atLevel('medium', first);
  await atLevel('low', last);
  await flows(['sim-0', 'sim-19'], []);

  await page.getByRole('region', { name: 'Sensors' }).evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await atLevel('medium', last);
  await atLevel('low', first);

  await setHidden(page, true);
  await atLevel('none', ...devices);
  await flows([], ['sim-0', 'sim-19']);
  await setHidden(page, false);
  await atLevel('medium', last);

  await page.getByRole('link', { name: 'sim-19', exact: true }).click();
  await atLevel('high', last);
  await atLevel('none', first);
  await flows(['sim-19'], ['sim-0']);

  await page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: String(365 * 86_400_000) });
  await stays('high', last);
  await flows(['sim-19'], ['sim-0']);
  await page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: '10000' });
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible(); // live
  await stays('high', last);
  await flows(['sim-19'], ['sim-0']);
});

/** Longer than a level is held. */
async function stays(level: TestDevice['level'] & string, device: TestDevice): Promise<void> {
  const told = device.levels.length;
  await new Promise((r) => setTimeout(r, 2500));
  expect(device.levels.slice(told), `the device was at ${level} all the time`).toEqual([]);
  await atLevel(level, device);
}
