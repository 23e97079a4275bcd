// Fingers on a chart: one moves it, two zoom it, and what was between them stays there.

import { expect, test, type Page } from './world.ts';

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

type Points = readonly (readonly [x: number, y: number])[];

/** Puts fingers down, moves them in steps, and lifts them. */
async function fingers(page: Page, from: Points, to: Points): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const at = (part: number) => from.map(([x, y], i) => ({ x: x + (to[i]![0] - x) * part, y: y + (to[i]![1] - y) * part, id: i }));
  await devtools.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) });
  for (let i = 1; i <= 8; i++) await devtools.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(i / 8) });
  await devtools.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

test('a chart is pinched and moved', async ({ page, world }) => {
  world.device('strap');
  await page.goto(`${world.url}/sensors/strap`);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  const chart = page.getByRole('group', { name: /^Chart of/ });
  const shown = page.getByRole('combobox', { name: 'Time shown' });
  await expect(shown).toHaveValue('10000');
  await chart.scrollIntoViewIfNeeded();
  const box = (await chart.boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const span = async () => {
    const text = await shown.locator('option:checked').innerText();
    return Number(/[\d.,]+/.exec(text)![0]) * (text.includes('ms') ? 1 : 1000);
  };

  await fingers(page, [[x - 40, y], [x + 40, y]], [[x - 120, y], [x + 120, y]]);
  await expect(shown).toHaveValue('other');
  await expect.poll(span).toBeGreaterThan(2500); // a third, within the rounding of the label
  expect(await span()).toBeLessThan(4200);
  await fingers(page, [[x - 120, y], [x + 120, y]], [[x - 40, y], [x + 40, y]]);
  await expect.poll(span).toBeGreaterThan(8500);

  await fingers(page, [[x - 60, y]], [[x + 80, y]]);
  await expect(page.getByRole('button', { name: 'Go to live' })).toBeVisible();
  const goToLive = page.getByRole('button', { name: 'Go to live' });
  await expect(async () => { // a tap right after a swipe only ends the swipe
    if (await goToLive.isVisible()) await goToLive.tap({ timeout: 5000 });
    await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible({ timeout: 2000 });
  }).toPass();
});
