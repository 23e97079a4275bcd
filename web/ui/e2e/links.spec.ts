// What links lead to that are printed and mailed, and codes of programs: each works
// once, and says what to do when it does not work any more.

import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { temporaryDirectory } from '../../../e2e/program.ts';
import { Mailbox } from './mailbox.ts';
import { password, Person } from './people.ts';
import { expect, openServer, test as base, type Page, type World } from './world.ts';

const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));
const command = (world: World, ...args: string[]) => execFileSync(binary, [...args, '--data-dir', world.program.dataDir, '--url', world.url], { encoding: 'utf8' }).trim();

const test = base.extend<{ mails: Mailbox }>({
  mails: async ({}, use) => {
    const box = await Mailbox.open();
    await use(box);
    box.close();
  },
});

/** The link of a kind that the first start printed. */
const printed = (world: World) => /http\S+#setup=\S+/.exec(world.program.log)![0];

async function fill(page: Page, name: string, email?: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  if (email) await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Create the account' }).click();
}

const gone = (page: Page) => expect(page.getByRole('heading', { name: 'This link no longer works' })).toBeVisible();

test('the first administrator, by the link that the first start printed', async ({ page, world }) => {
  await page.goto(printed(world));
  await fill(page, 'Root', 'root@example.org');
  await expect(page.getByText('Welcome, Root')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Administration' })).toBeVisible();
  await page.goto('about:blank');
  await page.goto(printed(world));
  await gone(page);
  await expect(page.getByRole('alert')).toContainText('the administrator’s account exists already');
});

test('an invitation to the server: its address is there, and a reload keeps the form', async ({ page, browser, world }) => {
  await page.goto(printed(world));
  await fill(page, 'Root', 'root@example.org');
  await page.getByText('Welcome, Root').waitFor();
  await page.goto(`${world.url}/admin?tab=users`);
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByRole('dialog').getByLabel('E-mail').fill('zoe@example.org');
  await page.getByRole('dialog').getByRole('button', { name: 'Invite', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
  await expect(dialog.getByRole('img', { name: 'QR code of the link' })).toBeVisible();
  const link = await dialog.locator('code').innerText();

  const zoe = await (await world.context(browser, { locale: 'de-DE' })).newPage();
  await zoe.goto(link);
  await expect(zoe.getByText('Für zoe@example.org.')).toBeVisible();
  expect(zoe.url(), 'the secret is not kept in the history').toBe(`${world.url}/link`);
  await zoe.reload();
  await expect(zoe.getByRole('heading', { name: 'Sie sind eingeladen' })).toBeVisible();
  await zoe.getByLabel('Name').fill('Zoe');
  await zoe.getByLabel('Passwort').fill('short');
  await zoe.getByRole('button', { name: 'Konto anlegen' }).click();
  await expect(zoe.getByRole('alert')).not.toBeEmpty(); // the link stays good
  await zoe.getByLabel('Passwort').fill(password);
  await zoe.getByRole('button', { name: 'Konto anlegen' }).click();
  await expect(zoe.getByText('Willkommen, Zoe')).toBeVisible();
  await expect(zoe).toHaveURL(`${world.url}/rooms`);
  await zoe.goto('about:blank');
  await zoe.goto(link);
  await expect(zoe.getByRole('heading', { name: 'Dieser Link gilt nicht mehr' })).toBeVisible();
});

test('a new password, by an address of an older version; an expired link leads to the administrator', async ({ page, browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const link = command(world, 'user', 'reset', 'ada@example.org');
  await page.goto(link.replace('/link#', '/account#'));
  await page.getByLabel('Password').fill(`another ${password}`);
  await page.getByRole('button', { name: 'Set the password' }).click();
  await expect(page.getByText('Welcome, Ada')).toBeVisible();
  await ada.go('/rooms');
  await expect(ada.page.getByText('Sign in to see rooms')).toBeVisible(); // her other browser is out

  const late = command(world, 'user', 'reset', 'ada@example.org');
  expire(world);
  await ada.page.goto(late);
  await gone(ada.page);
  await expect(ada.page.getByText('An administrator of this server can create a link')).toBeVisible();
  await ada.page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await expect(ada.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

/** Makes all links older than they may be. */
function expire(world: World): void {
  const sql = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=10); n = db.execute('UPDATE link SET expires_at = 1').rowcount; db.commit(); assert n > 0";
  execFileSync('python3', ['-c', sql, join(world.program.dataDir, 'sensocto.db')]);
}

test.describe('a server that sends mails', () => {
  test.use({ flags: async ({ mails }, use) => use([...openServer, '--smtp-host', mails.host, '--smtp-from', 'sensocto@example.org', '--smtp-tls', 'none']) });

  test('an address is confirmed by its link; one that was used leads to the account', async ({ browser, world, mails }) => {
    const ada = await Person.signUp(browser, world, 'Ada');
    await ada.go('/me');
    await ada.page.getByLabel('New address').fill('lovelace@example.org');
    await ada.page.getByLabel('Present password').first().fill(password);
    await ada.page.getByRole('button', { name: 'Send the link' }).click();
    await expect.poll(() => mails.link('lovelace@example.org')).toBeTruthy();
    await ada.page.goto(mails.link('lovelace@example.org')!);
    await expect(ada.page.getByText('For lovelace@example.org.')).toBeVisible();
    await ada.page.getByRole('button', { name: 'Confirm the address' }).click();
    await expect(ada.toast('The address is confirmed.')).toBeVisible();
    await expect(ada.page.getByText('lovelace@example.org')).toBeVisible();
    await ada.page.goto('about:blank');
    await ada.page.goto(mails.link('lovelace@example.org')!);
    await gone(ada.page);
    await ada.page.getByRole('link', { name: 'To my account' }).click();
    await expect(ada.page.getByText('confirmed', { exact: true })).toBeVisible();
  });

  test('a forgotten password, twice: the first link no longer works and leads to another one', async ({ browser, page, world, mails }) => {
    await Person.signUp(browser, world, 'Ada');
    const ask = async () => {
      await page.getByLabel('E-mail address').fill('ada@example.org');
      await page.getByRole('button', { name: 'Send the link' }).click();
      await expect(page.getByRole('status').filter({ hasText: 'is on its way' })).toBeVisible();
    };
    await page.goto(`${world.url}/sign-in?way=forgotten`);
    await ask();
    await expect.poll(() => mails.link('ada@example.org')).toBeTruthy();
    const first = mails.link('ada@example.org')!;
    expire(world);
    await page.goto(first);
    await gone(page);
    await page.getByRole('link', { name: 'Get a new link' }).click();
    await ask();
    await expect.poll(() => mails.link('ada@example.org')).not.toBe(first);
    await page.goto(mails.link('ada@example.org')!);
    await page.getByLabel('Password').fill(`another ${password}`);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await expect(page.getByText('Welcome, Ada')).toBeVisible();
  });
});

test('a program is let in by its code, after one has seen which it is', async ({ page, browser, world }) => {
  await Person.signUp(browser, world, 'Ada');
  const login = spawn(binary, ['login', '--server', world.program.url], { env: { ...process.env, XDG_CONFIG_HOME: temporaryDirectory() } });
  world.onEnd(() => login.kill());
  let said = '';
  login.stderr.on('data', (text) => (said += text));
  const ended = new Promise<number | null>((resolve) => login.once('exit', resolve));
  await expect.poll(() => said).toMatch(/[A-Z\d]{4}-[A-Z\d]{4}/);
  const code = /[A-Z\d]{4}-[A-Z\d]{4}/.exec(said)![0];
  expect(said).toContain('/device in a browser');

  await page.goto(`${world.url}/device`);
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await page.getByLabel('E-mail address').fill('ada@example.org');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  const show = async (code: string) => {
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Show the program' }).click();
  };
  await show('BBBB-BBBB');
  await expect(page.getByRole('alert')).not.toBeEmpty();
  await show(code);
  await expect(page.getByText(/asks, from 127\.0\.0\.1, to sign in as Ada/)).toBeVisible();
  await page.getByRole('button', { name: 'Do not let it in' }).click();
  await expect(page.getByText('It was not let in.')).toBeVisible();
  await page.getByRole('button', { name: 'Enter another code' }).click();
  await show(code.toLowerCase());
  await page.getByRole('button', { name: 'Let it sign in' }).click();
  await expect(page.getByText(/signs in as you/)).toBeVisible();
  expect(await ended).toBe(0);
});
