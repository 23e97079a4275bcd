// Signing in with an OpenID Connect issuer: the first time, again, what fails, and an
// account that exists already.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Issuer } from './issuer.ts';
import { password, Person } from './people.ts';
import { expect, openServer, test as base } from './world.ts';

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
