// All pages in both languages, in a window at 200 %: nothing is wider than it, no text is cut off, none is left in English.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Person, password } from './people.ts';
import { expect, test, type Page } from './world.ts';

const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));

/** At 200 % a window of 1280 × 800 pixels has room for 640 × 400. */
const doubled = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 };

/** What is the same in both languages: names of things and people, units, commands, words that German has, too. */
const same = [
  /^(SensOcto|Ada|Ada,.*|.*@example\.org|Root|Ward|Deutsch|English|Lobby|Status|Live|Name|EKG|Trend|System|Token|Tokens|Code|Link|Passkeys|Parquet|QR-Code|Webhook|Administrator|Journal|Backup|Version|Sensor|Text|OK|Fokus|Filter|Design)$/,
  /^(bed-\d|.*\bbed-\d.*|vitals|ecg|heartrate|respiration|ppg|spo2|temperature|simulated|test)$/,
  /sensocto |^https?:|^\/|Mozilla|HeadlessChrome|Chrome \d|127\.0\.0\.1|simulate/,
  /^[A-Z0-9-]{6,}$/, // codes
];

/** Texts of the page, and labels that only screen readers read. */
const texts = (page: Page) =>
  page.evaluate(() => {
    const found = new Set<string>();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      if (!node.parentElement?.closest('script, style, code, [lang], .number')) found.add(node.nodeValue!.replace(/\s+/g, ' ').trim());
    }
    for (const e of document.body.querySelectorAll('[aria-label], [title], [placeholder]')) {
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

test('every page in English and German: translated, not cut off, not too wide', async ({ browser, world }) => {
  test.setTimeout(480_000);
  const ada = await Person.signUp(browser, world, 'Ada', doubled);
  execFileSync(binary, ['user', 'make-admin', 'ada@example.org', '--data-dir', world.program.dataDir]);
  await ada.api('POST', '/session', { email: 'ada@example.org', password });
  await ada.bring(world, 2, 'vitals', 'bed');
  const room = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Ward' });
  await ada.api('PUT', `/rooms/${room.id}/sensors/bed-1`, {});
  await ada.api('POST', '/alerts', { sensor_id: 'bed-1', attribute_id: 'heartrate', name: 'bed-1', condition: 'above', high: 180 });
  const german = await (await world.context(browser, { locale: 'de-DE', storageState: await ada.context.storageState(), ...doubled })).newPage();

  const tabs = (path: string, ...names: string[]) => names.map((name) => `${path}?tab=${name}`);
  const paths = [
    '/', '/sensors/bed-1', '/compare', '/compare?a=bed-1/ecg', '/sense', '/rooms', `/rooms/${room.id}`, `/rooms/${room.id}/wall`, '/status', '/design',
    ...tabs(`/rooms/${room.id}`, 'members', 'recordings', 'alerts', 'settings'),
    ...tabs('/me', 'account', 'sign-in', 'tokens', 'notifications', 'activity', 'data'),
    ...tabs('/admin', 'users', 'audit', 'storage', 'sensors'),
  ];
  const load = async (page: Page, path: string) => {
    await page.goto(world.url + path);
    await page.getByRole('heading').first().waitFor({ state: 'attached' });
    await page.waitForTimeout(400);
    expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${path} is wider than the window`).toBeLessThanOrEqual(0);
    expect.soft(await cutOff(page), `${path} has text that is cut off`).toEqual([]);
    return texts(page);
  };
  for (const path of paths) {
    const [english, de] = await Promise.all([load(ada.page, path), load(german, path)]);
    const en = new Set(english);
    if (path === '/design') continue; // shows parts with made-up words
    expect.soft(de.filter((t) => en.has(t) && !same.some((pattern) => pattern.test(t))), `${path} has English in German`).toEqual([]);
  }
});
