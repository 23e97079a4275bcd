// All pages and dialogs in both languages, in a window at 200 %: nothing is wider than it, no text is cut off, none is left in English.

import type { Browser, Locator } from '@playwright/test';
import { fakeDevices } from './calling.ts';
import { dialogs, english, german, prepare, show, type DialogPath, type Say } from './dialogs.ts';
import type { Person } from './people.ts';
import { expect, test, type Page, type World } from './world.ts';

/** At 200 % a window of 1280 × 800 pixels has room for 640 × 400. */
const doubled = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 };

/** What is the same in both languages: names of things and people, units, commands, words that German has, too. */
const same = [
  /^(SensOcto|Ada|Ada,.*|.*@example\.org|Root|Ward|Deutsch|English|Lobby|Status|Live|Name|EKG|Trend|System|Token|Tokens|Code|Link|Passkeys|Parquet|QR-Code|Webhook|Administrator|Journal|Backup|Version|Sensor|Text|OK|Fokus|Filter|Design)$/,
  /^(bed-\d|.*\bbed-\d.*|vitals|ecg|heartrate|respiration|ppg|spo2|temperature|simulated|test)$/,
  /sensocto |^https?:|^\/|Mozilla|HeadlessChrome|Chrome \d|127\.0\.0\.1|simulate/,
  /^[A-Z0-9-]{6,}$/, // codes
];

/** Texts of the page or of a part of it, and labels that only screen readers read. */
const texts = (part: Locator) =>
  part.evaluate((root) => {
    const found = new Set<string>();
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      if (!node.parentElement?.closest('script, style, code, [lang], .number')) found.add(node.nodeValue!.replace(/\s+/g, ' ').trim());
    }
    for (const e of root.querySelectorAll('[aria-label], [title], [placeholder]')) {
      for (const name of ['aria-label', 'title', 'placeholder']) if (e.getAttribute(name)) found.add(e.getAttribute(name)!.trim());
    }
    return [...found].filter((t) => /\p{L}{3}/u.test(t));
  });

/** Controls and headings whose text is cut off without a sign of it. */
const cutOff = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, a, h1, h2, h3, label, dt, legend, th')]
      .filter((e) => e.offsetParent !== null && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible' && getComputedStyle(e).textOverflow !== 'ellipsis' && !e.matches('.sr-only, .sr-only *'))
      .map((e) => e.outerHTML.slice(0, 120)),
  );

/** The page is no wider than its window, and shows all of its texts. */
async function fits(page: Page, what: string): Promise<void> {
  expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${what} is wider than the window`).toBeLessThanOrEqual(0);
  expect.soft(await cutOff(page), `${what} has text that is cut off`).toEqual([]);
}

const untranslated = (en: readonly string[], de: readonly string[]) => de.filter((t) => en.includes(t) && !same.some((pattern) => pattern.test(t)));

/** The browser of the same person, in German. */
const germanPage = async (browser: Browser, world: World, { context }: Person) =>
  (await world.context(browser, { locale: 'de-DE', storageState: await context.storageState(), ...doubled })).newPage();

test.use({ launchOptions: fakeDevices }); // a microphone and a camera to choose

test('every page in English and German: translated, not cut off, not too wide', async ({ browser, world }) => {
  test.setTimeout(480_000);
  const { ada, roomId } = await prepare(browser, world, doubled);
  const other = await germanPage(browser, world, ada);

  const tabs = (path: string, ...names: string[]) => names.map((name) => `${path}?tab=${name}`);
  const paths = [
    '/', '/sensors/bed-1', '/compare', '/compare?a=bed-1/ecg', '/sense', '/rooms', `/rooms/${roomId}`, `/rooms/${roomId}/wall`, '/status', '/design',
    ...tabs(`/rooms/${roomId}`, 'members', 'recordings', 'alerts', 'settings'),
    ...tabs('/me', 'account', 'sign-in', 'tokens', 'notifications', 'activity', 'data'),
    ...tabs('/admin', 'users', 'audit', 'storage', 'sensors'),
  ];
  const load = async (page: Page, path: string) => {
    await page.goto(world.url + path);
    await page.getByRole('heading').first().waitFor({ state: 'attached' });
    await page.waitForTimeout(400);
    await fits(page, path);
    return texts(page.locator('body'));
  };
  for (const path of paths) {
    const [en, de] = await Promise.all([load(ada.page, path), load(other, path)]);
    if (path === '/design') continue; // shows parts with made-up words
    expect.soft(untranslated(en, de), `${path} has English in German`).toEqual([]);
  }
});

test('every dialog in English and German: translated, not cut off, not too wide', async ({ browser, world }) => {
  test.setTimeout(600_000);
  const { ada, roomId } = await prepare(browser, world, doubled);
  const other = await germanPage(browser, world, ada);
  const look = async (page: Page, which: DialogPath, say: Say) => {
    const dialog = await show(page, world.url, which, say);
    const title = await dialog.getByRole('heading').first().innerText();
    await fits(page, `${which.path}: ${title}`);
    expect.soft(await dialog.evaluate((e) => e.scrollWidth - e.clientWidth), `${which.path}: ${title} is wider than the window`).toBeLessThanOrEqual(0);
    return { title, texts: await texts(dialog) };
  };
  for (const which of dialogs(roomId)) {
    const [en, de] = await Promise.all([look(ada.page, which, english), look(other, which, german)]);
    expect.soft(de.title, `${which.path}: another title`).not.toBe(en.title);
    expect.soft(untranslated(en.texts, de.texts), `${which.path}: ${de.title} has English in German`).toEqual([]);
  }
});
