// A call in every look: joining, alone, and with somebody whose sensors stand beside their picture. axe finds
// nothing, nothing overflows, and pictures of it are put where people can look at them.

import { AxeBuilder } from '@axe-core/playwright';
import { fakeDevices } from './calling.ts';
import { Person } from './people.ts';
import { expect, test, untilFilled, type Page } from './world.ts';

test.use({ launchOptions: fakeDevices });

const pictures = new URL('../../../.cache/screenshots/', import.meta.url).pathname;

const looks = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
} as const;

async function look(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${pictures}${name}.png` });
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect.soft(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), name).toEqual([]);
  expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${name} is wider than the screen`).toBeLessThanOrEqual(0);
}

/** Opens the dialog in which one joins, with one's picture in it. */
async function choose(page: Page): Promise<void> {
  await page.getByRole('region', { name: 'Call' }).getByRole('button', { name: 'Join the call' }).click();
  await page.getByRole('dialog').getByLabel('Camera', { exact: true }).selectOption({ index: 1 });
  await page.getByLabel('Preview of your camera').waitFor();
}

const join = (page: Page) => page.getByRole('dialog').getByRole('button', { name: 'Join the call' }).click();

for (const [name, options] of Object.entries(looks)) {
  test(`pages of a call: ${name}`, async ({ browser, world }) => {
    const ada = await Person.signUp(browser, world, 'Ada', { reducedMotion: 'reduce', permissions: ['camera', 'microphone'], ...options });
    const bob = await Person.signUp(browser, world, 'Bob', { permissions: ['camera', 'microphone'] });
    await bob.bring(world, 1, 'vitals', 'bed');
    const room = await ada.api<{ id: string; join_code: string }>('POST', '/rooms', { name: 'Sleep lab' });
    await bob.api('POST', '/rooms/join', { code: room.join_code });
    await bob.api('PUT', `/rooms/${room.id}/sensors/bed-1`, {});
    for (const { go } of [ada, bob].map((p) => ({ go: () => p.go(`/rooms/${room.id}`) }))) await go();
    await choose(ada.page);
    await look(ada.page, `call-join-${name}`);
    await join(ada.page);
    await choose(bob.page);
    await join(bob.page);
    const call = ada.page.getByRole('region', { name: 'Call' });
    await expect(call.getByRole('status')).toHaveText('2 people in the call');
    await expect(call.getByLabel('Picture of Bob', { exact: true })).toBeVisible();
    await ada.page.waitForTimeout(untilFilled(5000));
    await look(ada.page, `call-${name}`);
    await ada.go(`/rooms/${room.id}?tab=settings`);
    const tab = ada.page.getByRole('link', { name: 'Settings' });
    const box = await tab.boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= options.viewport.width, 'the tab that is open is on the screen, whole').toBe(true);
  });
}
