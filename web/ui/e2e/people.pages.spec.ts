// Every page of people in every look: axe finds nothing, nothing overflows, and
// pictures of them are put where people can look at them.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { Person, password } from './people.ts';
import { expect, test, untilFilled, type Page } from './world.ts';

const pictures = new URL('../../../.cache/screenshots/', import.meta.url).pathname;
const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));

const looks = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
} as const;

async function look(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(400); // a picture of fonts and canvases that are there
  await page.screenshot({ path: `${pictures}${name}.png` });
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect.soft(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), name).toEqual([]);
  expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${name} is wider than the screen`).toBeLessThanOrEqual(0);
}

for (const [name, options] of Object.entries(looks)) {
  test(`pages of people: ${name}`, async ({ browser, world }) => {
    test.setTimeout(720_000); // many pages, each with time to fill its traces
    const ada = await Person.signUp(browser, world, 'Ada', { reducedMotion: 'reduce', locale: name === 'dark' ? 'de' : 'en-GB', ...options });
    const bob = await Person.signUp(browser, world, 'Bob');
    execFileSync(binary, ['user', 'make-admin', 'ada@example.org', '--data-dir', world.program.dataDir]);
    await ada.api('POST', '/session', { email: 'ada@example.org', password }); // other rights take another session
    await ada.bring(world, 4, 'vitals', 'bed');
    const { page } = ada;
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.text().includes('Content Security Policy') && errors.push(message.text()));

    await ada.go('/rooms');
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    await look(page, `rooms-empty-${name}`);
    const room = await ada.api<{ id: string; join_code: string }>('POST', '/rooms', { name: 'Sleep lab', description: 'Four beds, every night from ten to six', is_public: true });
    await ada.api('POST', '/rooms', { name: 'Ward 7' });
    const theirs = await bob.api<{ id: string }>('POST', '/rooms', { name: 'Running club', description: 'Heart rates on Sundays', is_public: true });
    const invited = await bob.api<{ id: string }>('POST', '/rooms', { name: 'Bob’s study' });
    const me = await ada.api<{ id: string }>('GET', '/session');
    await bob.api('POST', `/rooms/${invited.id}/invitations`, { user_id: me.id });
    await bob.api('POST', '/rooms/join', { code: room.join_code });
    for (let i = 1; i <= 4; i++) await ada.api('PUT', `/rooms/${room.id}/sensors/bed-${i}`, {});
    await ada.api('POST', '/alerts', { sensor_id: 'bed-1', attribute_id: 'heartrate', name: 'Too fast', condition: 'above', high: 180 });
    const recording = await ada.api<{ id: string }>('POST', `/rooms/${room.id}/recordings`, { name: 'First night' });
    await ada.api('POST', `/rooms/${room.id}/recordings/${recording.id}/stop`);
    await ada.api('POST', `/rooms/${room.id}/recordings`, { name: 'Second night' });
    await ada.api('POST', '/tokens', { name: 'bed 5', scopes: ['ingest'], sensor_ids: ['bed-1'] });
    await ada.api('DELETE', `/users/me`, { current_password: 'wrong' }).catch(() => undefined); // an entry in the log

    const article = page.getByRole('article').first();
    await ada.go('/rooms');
    await page.getByText('Running club').waitFor();
    await look(page, `rooms-${name}`);
    await ada.go(`/rooms/${theirs.id}`);
    await page.getByRole('heading', { name: 'Running club' }).first().waitFor();
    await look(page, `room-outside-${name}`);
    await ada.go(`/rooms/${room.id}`);
    await expect(article.locator('.number').first()).toHaveText(/\d/);
    await page.waitForTimeout(untilFilled(3000)); // traces fill
    await look(page, `room-${name}`);
    for (const tab of ['members', 'recordings', 'alerts', 'settings']) {
      await ada.go(`/rooms/${room.id}?tab=${tab}`);
      await page.getByText({ members: 'Bob', recordings: 'First night', alerts: 'Too fast', settings: /Settings|Einstellungen/ }[tab] as string).first().waitFor();
      await look(page, `room-${tab}-${name}`);
    }
    await page.getByRole('button', { name: /^(Invite|Einladen)$/ }).first().click();
    await page.getByRole('dialog').getByRole('img').waitFor();
    await look(page, `room-invite-${name}`);
    await ada.go(`/rooms/${room.id}/wall`);
    await expect(article.locator('.number').first()).toHaveText(/\d/);
    await page.waitForTimeout(untilFilled(3000));
    await look(page, `wall-${name}`);
    for (const tab of ['account', 'sign-in', 'tokens', 'notifications', 'activity', 'data']) {
      await ada.go(`/me?tab=${tab}`);
      await page.getByRole('heading', { name: 'Ada' }).waitFor();
      await page.getByRole('main').getByRole('progressbar').first().waitFor({ state: 'detached' });
      await look(page, `me-${tab}-${name}`);
    }
    for (const tab of ['users', 'audit', 'storage', 'sensors']) {
      await ada.go(`/admin?tab=${tab}`);
      await page.getByRole('table').first().waitFor();
      await look(page, `admin-${tab}-${name}`);
    }
    await ada.go('/device');
    await page.getByRole('textbox').waitFor();
    await look(page, `device-${name}`);
    const { link } = await ada.api<{ link: string }>('POST', '/invitations', { email: 'zoe@example.org' });
    await ada.go(link.slice(ada.url.length));
    await page.getByText(/zoe@example\.org/).waitFor();
    await look(page, `link-invite-${name}`);
    await ada.go('/link#reset=gone');
    await page.getByRole('alert').waitFor();
    await look(page, `link-gone-${name}`);
    await ada.go('/status');
    await expect(page.getByRole('region', { name: /Latency|Latenz/ }).locator('dd').first()).toBeVisible();
    await expect(page.getByRole('region', { name: /busiest sensors|aktivsten Sensoren/ }).getByText('bed-4')).toBeVisible();
    await page.waitForTimeout(untilFilled(6000));
    await look(page, `status-${name}`);
    expect(errors).toEqual([]);
  });
}

