// For people who use a keyboard, a screen reader or large type, and who want little motion.

import { AxeBuilder } from '@axe-core/playwright';
import { fakeDevices } from './calling.ts';
import { dialogs, english, prepare, show, type DialogPath } from './dialogs.ts';
import { expect, test, type Page } from './world.ts';

test.use({ launchOptions: fakeDevices }); // a microphone and a camera to choose

/** Presses Tab until the element with the role and name has the focus, as somebody without a mouse does. */
async function tabTo(page: Page, role: 'link' | 'button' | 'group' | 'combobox', name: string | RegExp): Promise<void> {
  const target = page.getByRole(role, { name, ...(typeof name === 'string' && { exact: true }) }).first();
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((e) => e === document.activeElement)) {
      const outline = await target.evaluate((e) => [e, ...e.querySelectorAll('*')].concat(e.parentElement ?? []).some((x) => getComputedStyle(x).outlineStyle !== 'none' || getComputedStyle(x, '::after').outlineStyle !== 'none'));
      expect(outline, `the focus on ${String(name)} can be seen`).toBe(true);
      return;
    }
  }
  throw new Error(`Tab does not lead to ${String(name)}`);
}

test('by keyboard alone from the lobby to a sensor, to its chart, measuring, and back', async ({ page, world }) => {
  world.simulate(3, 'ecg');
  await page.goto(world.url);
  await page.getByRole('button', { name: 'Skip' }).click(); // the first visit
  await expect(page.getByRole('article', { name: 'sim-3' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('article', { name: 'sim-3' })).toBeVisible();
  await tabTo(page, 'link', 'Skip to the content');
  await page.keyboard.press('Enter');
  await tabTo(page, 'link', 'sim-1');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('link', { name: 'sim-2', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'sim-2', level: 1 })).toBeFocused(); // a screen reader says where one is
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await page.waitForTimeout(3000); // some beats

  await tabTo(page, 'group', /^Chart of/);
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: 'Go to live' })).toBeVisible();
  for (let i = 0; i < 5; i++) await page.keyboard.press('Alt+ArrowLeft');
  await expect(page.getByText(/^At /)).toBeVisible(); // the cursor has values
  for (let i = 0; i < 20; i++) await page.keyboard.press('Alt+Shift+ArrowLeft');
  await expect(page.getByRole('definition').filter({ hasText: /^Δt .*\/min · Δ .* mV$/ })).toBeVisible();
  await page.keyboard.press('s');
  await expect(page.getByRole('status').filter({ hasText: /^Δt .* mV\. ECG: -?[\d.]+ mV, between/ })).toBeAttached();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('definition').filter({ hasText: /^Δt / })).toHaveCount(0);
  await page.keyboard.press('m');
  await expect(page.getByRole('textbox', { name: 'Note' })).toBeFocused();
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Events and notes' })).toContainText('by keyboard');

  await page.keyboard.press('Alt+ArrowLeft'); // of the browser, where the chart does not have the focus
  await page.goBack();
  await expect(page.getByRole('article', { name: 'sim-2' })).toBeVisible();
});

test('what a chart shows is there as text: a table, and a sentence on request', async ({ page, world }) => {
  world.simulate(1, 'vitals');
  await page.goto(`${world.url}/sensors/sim-1`);
  const chart = page.getByRole('group', { name: 'Chart of sim-1' });
  await expect(chart).toHaveAccessibleDescription(/Arrow keys left and right move through time/);
  await expect.poll(async () => (await world.stored(page, 'sim-1', 'heartrate')).length, { message: 'some heart rates' }).toBeGreaterThan(2);
  await chart.press(' ');
  await page.getByRole('button', { name: 'Speak what is shown' }).click();
  const spoken = await page.getByRole('status').filter({ hasText: /ECG: / }).innerText();
  const sentences = spoken.split('second. ');
  expect(sentences.map((x) => x.split(':')[0])).toEqual(['ECG', 'Photoplethysmogram', 'Respiration', 'Heart rate']);
  for (const x of sentences) expect(x).toMatch(/: -?[\d.]+ .*, between .* and .*, (steady|rising|falling).*, [\d.]+ measurements a/);
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  const table = page.getByRole('region', { name: /^ECG: what is shown/ });
  await expect(table.getByRole('columnheader')).toHaveText(['Time', 'Least mV', 'Greatest mV', 'Last mV', 'Measurements']);
  await expect.poll(() => table.getByRole('row').count()).toBeGreaterThan(3);
});

test('with reduced motion traces advance in steps', async ({ browser, world }) => {
  world.simulate(1, 'ecg');
  const drawn = async (reducedMotion: 'reduce' | 'no-preference') => {
    const context = await world.context(browser, { reducedMotion });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const fill = CanvasRenderingContext2D.prototype.fillRect;
      const times = new Set<number>(); // of frames in which something was drawn
      (window as unknown as { drawn: Set<number> }).drawn = times;
      let frame = 0;
      requestAnimationFrame(function next(now) {
        frame = now;
        requestAnimationFrame(next);
      });
      CanvasRenderingContext2D.prototype.fillRect = function (...a) {
        times.add(frame);
        fill.apply(this, a);
      };
    });
    await page.goto(world.url);
    await expect(page.getByRole('article', { name: 'sim-1' }).locator('canvas').first()).toBeVisible();
    await page.waitForTimeout(1500);
    const [frames, seconds] = await page.evaluate(async () => {
      const { drawn } = window as unknown as { drawn: Set<number> };
      drawn.clear();
      const began = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 3000));
      return [drawn.size, (performance.now() - began) / 1000] as const; // a busy machine takes longer
    });
    const animated = await page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running' && Number(a.effect?.getComputedTiming().duration) > 10).length);
    await context.close();
    return { frames, seconds, animated };
  };
  const [calm, usual] = await Promise.all([drawn('reduce'), drawn('no-preference')]);
  expect(calm.frames).toBeLessThanOrEqual(4 * calm.seconds + 2); // two a second, of a trace and of what is beside it
  expect(usual.frames / usual.seconds).toBeGreaterThan(calm.frames / calm.seconds);
  expect(calm.animated).toBe(0);
});

test('axe finds nothing in any dialog, and Escape closes it', async ({ browser, world }) => {
  test.setTimeout(600_000);
  const { ada, roomId } = await prepare(browser, world, { reducedMotion: 'reduce' });
  const waiting = dialogs(roomId);
  const look = async (page: Page) => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await check(page, next);
  };
  const check = async (page: Page, which: DialogPath) => {
    const dialog = await show(page, world.url, which, english);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect.soft(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), `${which.path}: ${await dialog.innerText()}`).toEqual([]);
    const open = await page.getByRole('dialog').count();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog'), `${which.path}: closed by Escape`).toHaveCount(open - 1);
  };
  const other = await world.context(browser, { reducedMotion: 'reduce', storageState: await ada.context.storageState() }); // with an outbox of its own
  await Promise.all([look(ada.page), look(await other.newPage())]);
});
