// Signing in with an OpenID Connect issuer: the first time, again, what fails, and an
// account that exists already.

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Issuer } from './issuer.ts';
import { password, Person } from './people.ts';
import { expect, openServer, test as base, type World } from './world.ts';

const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));

const test = base.extend<{ issuer: Issuer }>({
  issuer: async ({}, use) => {
    const issuer = await Issuer.start({ sub: '1', name: 'Grace', email: 'grace@example.org', email_verified: true });
    await use(issuer);
    issuer.close();
  },
  flags: async ({ issuer }, use, info) => {
    const secret = join(tmpdir(), `sensocto-issuer-${info.testId}`);
    writeFileSync(secret, 'a secret of the issuer\n', { mode: 0o600 });
    await use([...openServer, '--oidc-issuer', issuer.url, '--oidc-client-id', 'sensocto', '--oidc-client-secret-file', secret, '--oidc-name', 'Example']);
    rmSync(secret, { force: true });
  },
});

test('an issuer that is away says so; then it makes an account, and leads where one wanted to be', async ({ page, world, issuer }) => {
  issuer.away = true;
  await page.goto(`${world.url}/sign-in?next=/rooms`);
  await page.getByRole('link', { name: 'Sign in with Example' }).click();
  await expect(page.getByRole('alert')).toContainText('The sign-in service does not answer: try again later.');
  issuer.away = false;
  await expect(async () => { // the server asks an issuer that was away again after a while
    await page.goto(`${world.url}/sign-in?next=/rooms`);
    await page.getByRole('link', { name: 'Sign in with Example' }).click();
    await expect(page.getByText('Welcome, Grace')).toBeVisible({ timeout: 15_000 });
  }).toPass();
  await expect(page).toHaveURL(`${world.url}/rooms`);
});

test('an account that exists is linked by its owner, who then signs in with it', async ({ browser, world, issuer }) => {
  const grace = await Person.signUp(browser, world, 'Grace');
  const stranger = await (await world.context(browser)).newPage();
  await stranger.goto(world.program.url + '/sign-in'); // under another name than the issuer sends back to
  await stranger.getByRole('link', { name: /^Sign in with Example/ }).click();
  await expect(stranger).toHaveURL(`${world.url}/sign-in`);
  await stranger.getByRole('link', { name: 'Sign in with Example' }).click();
  await expect(stranger.getByRole('alert')).toContainText('There is an account with your e-mail address already');

  await grace.go('/me?tab=sign-in');
  await grace.page.getByRole('link', { name: 'Link Example' }).click();
  await expect(grace.toast(/is linked/)).toBeVisible();
  await expect(grace.page.getByText(issuer.url)).toBeVisible();

  await stranger.getByRole('link', { name: 'Sign in with Example' }).click();
  await expect(stranger.getByText('Welcome, Grace')).toBeVisible();
});

/** Makes the last time at which everybody showed who they are an hour earlier. */
function anHourLater(world: World): void {
  const sql = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=10); n = db.execute('UPDATE token SET confirmed_at = confirmed_at - 3600000000 WHERE confirmed_at > 0').rowcount; db.commit(); assert n > 0";
  execFileSync('python3', ['-c', sql, join(world.program.dataDir, 'sensocto.db')]);
}

test('long after the sign-in, linking asks for the password and goes on; who did not begin it is asked nothing', async ({ browser, world, issuer }) => {
  const grace = await Person.signUp(browser, world, 'Grace');
  anHourLater(world);
  const dialog = grace.page.getByRole('dialog', { name: 'Is it you?' });
  await grace.page.goto(`${world.url}/link#error=confirmation_needed`); // as any other site can send her
  await expect(grace.toast(/Linking takes that you showed/)).toBeVisible();
  await expect(dialog).toBeHidden();

  await grace.go('/me?tab=sign-in');
  await grace.page.getByRole('link', { name: 'Link Example' }).click();
  await dialog.getByLabel('Password').fill('not that one');
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  await expect(dialog.getByLabel('Password')).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  await expect(grace.toast(/is linked/)).toBeVisible();
  await expect(grace.page.getByText(issuer.url)).toBeVisible();
});

test('a link that was opened and not used does not stand in the way of who comes back from the service', async ({ browser, page, world }) => {
  await Person.signUp(browser, world, 'Ada');
  const link = execFileSync(binary, ['user', 'reset', 'ada@example.org', '--data-dir', world.program.dataDir, '--url', world.url], { encoding: 'utf8' }).trim();
  const form = page.getByRole('button', { name: 'Set the password' });
  await page.goto(link);
  await expect(form).toBeVisible();
  await page.goto(`${world.url}/sign-in?next=/rooms`);
  await page.getByRole('link', { name: 'Sign in with Example' }).click();
  await expect(page.getByText('Welcome, Grace')).toBeVisible();
  await expect(page).toHaveURL(`${world.url}/rooms`);
  await page.goto(link); // it is good still
  await expect(form).toBeVisible();
});

test('an identity that somebody else has is refused on the page of one’s own account', async ({ browser, page, world }) => {
  await page.goto(`${world.url}/sign-in`);
  await page.getByRole('link', { name: 'Sign in with Example' }).click();
  await page.getByText('Welcome, Grace').waitFor();
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.go('/me?tab=sign-in');
  await ada.page.getByRole('link', { name: 'Link Example' }).click();
  await expect(ada.toast('This identity belongs to another account.')).toBeVisible();
  await expect(ada.page).toHaveURL(`${world.url}/me?tab=sign-in`);
  await ada.api('POST', '/session', { email: 'ada@example.org', password }); // she is still herself
});
