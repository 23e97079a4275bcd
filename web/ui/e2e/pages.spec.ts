// Every page in every look: axe finds nothing, nothing overflows, and pictures of
// them are put where people can look at them.

import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, untilFilled, type Page } from './world.ts';

const pictures = new URL('../../../.cache/screenshots/', import.meta.url).pathname;

interface Shown {
  readonly name: string;
  readonly path: string;
  /** What is there once the page is. */
  readonly ready: (page: Page) => Promise<unknown>;
}

const pages: readonly Shown[] = [
  { name: 'lobby', path: '/', ready: livelyLobby },
  { name: 'sensor', path: '/sensors/sim-1', ready: livelyChart },
  { name: 'compare', path: '/compare?a=sim-1/ecg&a=sim-2/heartrate', ready: livelyChart },
  { name: 'compare-planes', path: `/compare?${[1, 2, 3].flatMap((n) => [`a=sim-${n}/geolocation`, `a=sim-${n}/gaze`]).join('&')}`, ready: livelyPlanes },
  { name: 'sense', path: '/sense', ready: (page) => page.getByRole('button', { name: 'Demo heart' }).waitFor() },
  { name: 'sense-demo', path: '/sense', ready: (page) => page.getByRole('button', { name: 'Demo heart' }).click() },
  { name: 'sign-in', path: '/sign-in', ready: (page) => page.getByRole('button', { name: 'Continue as a guest' }).waitFor() },
  { name: 'design', path: '/design', ready: (page) => page.getByRole('heading', { name: 'Design system' }).waitFor() },
];

/** The pictures show traces: those need a few seconds to fill. */
async function livelyLobby(page: Page): Promise<void> {
  await expect(page.getByRole('article').first().locator('.number').first()).toHaveText(/\d/);
  await page.getByRole('button', { name: 'Skip' }).click();
  await page.waitForTimeout(untilFilled(7000));
}

async function livelyChart(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.waitForTimeout(untilFilled(5000));
}

async function livelyPlanes(page: Page): Promise<void> {
  await livelyChart(page);
  await page.getByRole('region', { name: 'Positions', exact: true }).scrollIntoViewIfNeeded();
}

const looks = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
} as const;

/** axe finds nothing, and nothing is wider than the screen. */
async function check(page: Page, path: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), path).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${path} is wider than the screen`).toBeLessThanOrEqual(0);
}

for (const [look, options] of Object.entries(looks)) {
  test(`pages: ${look}`, async ({ browser, world }) => {
    test.setTimeout(480_000); // many pages, each with time to fill its traces
    const context = await world.context(browser, { reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.text().includes('Content Security Policy') && errors.push(message.text()));
    await page.goto(world.url);
    await page.getByRole('heading', { name: 'No sensors yet' }).waitFor();
    await page.screenshot({ path: `${pictures}first-visit-${look}.png` });
    await check(page, 'the first visit');
    world.simulate(20);
    for (const shown of pages) {
      await page.goto(world.url + shown.path);
      await shown.ready(page);
      await page.screenshot({ path: `${pictures}${shown.name}-${look}.png` });
      await check(page, shown.path);
    }
    expect(errors).toEqual([]);
  });
}
