import { password } from './people.ts';
import { addPasskey, plugInAuthenticator, signOut, signUp } from './sign-in.ts';
import { expect, test } from './world.ts';

test('sign up, sign out, sign in with a wrong and the right password', async ({ page, world }) => {
  await signUp(page, world.url);
  await signOut(page);
  await page.getByLabel('E-mail address').fill('ada@example.org');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert')).not.toBeEmpty();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Account of Ada' })).toBeVisible();
  await expect(page).toHaveURL(`${world.url}/`);
});

test('sign in with a passkey', async ({ page, world }) => {
  await plugInAuthenticator(page);
  await signUp(page, world.url);
  await page.goto(`${world.url}/me?tab=sign-in`);
  await addPasskey(page, 'this laptop');
  await expect(page.getByRole('listitem').filter({ hasText: 'this laptop' })).toBeVisible();
  await addPasskey(page, 'this laptop'); // one authenticator needs one passkey
  await expect(page.getByRole('alert')).toContainText('has a passkey for this account already');
  await page.goto(world.url);
  await signOut(page);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await expect(page.getByText('Welcome, Ada')).toBeVisible();
  await page.goto(`${world.program.url}/sign-in`); // an address has no passkeys: they are offered where they are
  await expect(page.getByRole('link', { name: `Sign in with a passkey at ${world.url}` })).toHaveAttribute('href', `${world.url}/sign-in`);
  await expect(page.getByRole('button', { name: 'Sign in with a passkey' })).toBeHidden();
});

test('come in as a guest', async ({ page, world }) => {
  await page.goto(`${world.url}/sign-in`);
  await page.getByRole('button', { name: 'Continue as a guest' }).click();
  await page.getByLabel('Name').fill('Grace');
  await page.getByRole('button', { name: 'Continue as a guest' }).click();
  await expect(page.getByRole('button', { name: 'Account of Grace' })).toBeVisible();
});

test.describe('a server that lets nobody in without a credential', () => {
  test.use({ flags: [] });

  test('a stranger opens no connection, and the console is quiet', async ({ page, world }) => {
    const sockets: string[] = [];
    const errors: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(world.url);
    await page.getByRole('heading', { name: 'Sign in to see sensors' }).waitFor();
    await page.goto(`${world.url}/rooms`);
    await page.getByText('Sign in to see rooms').waitFor();
    expect({ sockets, errors }).toEqual({ sockets: [], errors: [] });
  });

  test('asks to sign in; a token shows the sensors, and is gone after signing out', async ({ page, world }) => {
    const token = await world.program.token('view');
    await page.goto(world.url);
    await expect(page.getByRole('heading', { name: 'Sign in to see sensors' })).toBeVisible();
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Use an access token' }).click();
    await page.getByLabel('Access token').fill('wrong');
    await page.getByRole('button', { name: 'Use an access token' }).click();
    await expect(page.getByRole('alert')).not.toBeEmpty();
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Use an access token' }).click();
    await expect(page.getByRole('heading', { name: 'No sensors yet' })).toBeVisible();
    await page.getByRole('button', { name: 'Theme, language and sign-in' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'SensOcto' }).click();
    await expect(page.getByRole('heading', { name: 'Sign in to see sensors' })).toBeVisible();
  });
});

test('language and theme are changed and remembered', async ({ page, world }) => {
  await page.goto(world.url);
  await page.getByRole('button', { name: 'Theme, language and sign-in' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Deutsch' }).click();
  await expect(page.getByRole('heading', { name: 'Noch keine Sensoren' })).toBeVisible();
  await page.getByRole('button', { name: 'Farbschema, Sprache und Anmeldung' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Dunkel' }).click();
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
});

test('signing out in one tab takes the sensors of that person off the others', async ({ page, context, world }) => {
  await signUp(page, world.url);
  await page.getByRole('button', { name: 'Start the demo heart' }).click();
  await expect(page.getByRole('article', { name: 'Demo heart' })).toBeVisible();
  const other = await context.newPage();
  await other.goto(world.url);
  await expect(other.getByRole('article', { name: 'Demo heart' })).toBeVisible();
  await signOut(other);
  await expect(page.getByRole('article', { name: 'Demo heart' })).toBeHidden();
  await expect(page.getByRole('banner').getByRole('link', { name: 'Sign in' })).toBeVisible();
});

test('signing out waits for what has not reached the server', async ({ page, world }) => {
  await signUp(page, world.url);
  await page.getByRole('button', { name: 'Start the demo heart' }).click();
  await expect(page.getByRole('article', { name: 'Demo heart' }).getByRole('img', { name: 'Sending' })).toBeVisible();
  await world.program.kill(); // the heart goes on, and what it measures waits
  await page.getByRole('button', { name: 'Account of Ada' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('dialog', { name: 'Not everything is sent yet' })).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Account of Ada' })).toBeVisible();
});
