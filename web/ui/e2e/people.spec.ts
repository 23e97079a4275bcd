import { Person, password } from './people.ts';
import { expect, test } from './world.ts';

test('the lobby groups by person, and compares all heart rates of one, or of a room, with one click', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const bob = await Person.signUp(browser, world, 'Bob');
  await ada.bring(world, 2, 'vitals', 'ada');
  await bob.bring(world, 2, 'vitals', 'bob');
  const room = await ada.api<{ id: string; join_code: string }>('POST', '/rooms', { name: 'Sleep lab' });
  await bob.api('POST', '/rooms/join', { code: room.join_code });
  for (const [who, id] of [[ada, 'ada-1'], [bob, 'bob-1'], [bob, 'bob-2']] as const) await who.api('PUT', `/rooms/${room.id}/sensors/${id}`, {});
  const { page } = ada;
  await ada.go('/');
  await page.getByLabel('Group by').selectOption('person');
  await expect(page.getByRole('heading', { name: 'Ada 2' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Bob 2' })).toBeVisible();
  await bob.api('PATCH', '/users/me', { name: 'Robert' });
  await expect(page.getByRole('heading', { name: 'Robert 2' })).toBeVisible();
  await page.getByRole('link', { name: 'All heart rates: Robert' }).click();
  await expect(page).toHaveURL(/\/compare\?a=bob-1%2Fheartrate&a=bob-2%2Fheartrate$/);
  await ada.go('/');
  await page.getByLabel('Group by').selectOption('room');
  await page.getByRole('link', { name: 'All heart rates: Sleep lab' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.getAll('a').length).toBe(3);
  await ada.go(`/rooms/${room.id}`);
  await page.getByRole('link', { name: 'All heart rates' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.getAll('a').length).toBe(3);
});

test('an invitation that nobody mails shows the link to pass on', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const room = await ada.api<{ id: string; join_link: string }>('POST', '/rooms', { name: 'Sleep lab' });
  await ada.go(`/rooms/${room.id}`);
  await ada.page.getByRole('button', { name: 'Invite' }).click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('E-mail address or user id').fill('bob@example.org');
  await dialog.getByRole('button', { name: 'Send invitation' }).click();
  await expect(dialog.getByText('The invitation for bob@example.org is there, but this server sends no mail')).toBeVisible();
  await expect(dialog.getByRole('img', { name: 'QR code of the link' })).toBeVisible();
  await expect(dialog.locator('code')).toHaveText(room.join_link);
  await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy' }).click();
  expect(await ada.page.evaluate(() => navigator.clipboard.readText())).toBe(room.join_link);
});

test('two people share a sensor, see it live, and it is gone at once when it is taken back', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const bob = await Person.signUp(browser, world, 'Bob');
  await ada.bring(world, 1, 'vitals', 'strap');

  // Ada creates a room and shares her sensor into it.
  await ada.go('/rooms');
  await ada.page.getByRole('button', { name: 'Create a room' }).first().click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Sleep lab');
  await dialog.getByRole('button', { name: 'Create a room' }).click();
  await expect(ada.page.getByRole('heading', { name: 'Sleep lab' })).toBeVisible();
  await ada.page.getByRole('button', { name: 'Share sensors' }).first().click();
  await dialog.getByRole('button', { name: 'Share: strap-1' }).click();
  await expect(ada.toast('strap-1 is shared.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await expect(ada.page.getByRole('article', { name: 'strap-1' })).toBeVisible();

  // Bob comes in by the code that Ada passes on.
  await ada.page.getByRole('button', { name: 'Invite' }).click();
  const link = await dialog.locator('code').filter({ hasText: '#join=' }).innerText();
  await expect(dialog.getByRole('img', { name: /QR code/ })).toBeVisible();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await bob.go(`/rooms#${link.split('#')[1]}`);
  await bob.page.getByRole('dialog').getByRole('button', { name: 'Join by code' }).click();
  const tile = bob.page.getByRole('article', { name: 'strap-1' });
  await expect(tile.locator('.number').first()).toHaveText(/\d/);
  await ada.page.getByRole('link', { name: /^Members/ }).click();
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'Bob' }).getByText('Has the room open', { exact: true })).toBeAttached();

  // A second device of Bob's does not count twice, and closing one leaves him there.
  const second = await bob.context.newPage();
  await second.goto(bob.page.url());
  await expect(second.getByRole('article', { name: 'strap-1' })).toBeVisible();
  await second.close();
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'Bob' })).toHaveCount(1);
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'Bob' }).getByText('Has the room open', { exact: true })).toBeAttached();

  // Taken back: gone from Bob's screen, with nothing asked and nothing reloaded.
  await ada.page.getByRole('button', { name: 'Share sensors' }).click();
  await dialog.getByRole('button', { name: 'Take out: strap-1' }).click();
  await expect(tile).toBeHidden();
  await expect(bob.page.getByText('No sensors in this room yet')).toBeVisible();

  // Undo brings it back; the message is over the dialog, which stays.
  await ada.toast('strap-1 is taken out').locator('..').getByText('Undo').click();
  await expect(tile.locator('.number').first()).toHaveText(/\d/);
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  // Kicked: the whole room is gone from his screen.
  await ada.page.getByRole('button', { name: 'Actions for Bob' }).click();
  await ada.page.getByRole('menuitem', { name: 'Remove from the room' }).click();
  await expect(bob.page.getByText('You are not in this room any more')).toBeVisible();
  await expect(tile).toBeHidden();
  await ada.page.getByRole('button', { name: 'Undo' }).last().click();
  await bob.go('/rooms');
  await bob.page.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.page.getByRole('heading', { name: 'Sleep lab' })).toBeVisible();
});

test('roles, settings and alerts of a room', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const bob = await Person.signUp(browser, world, 'Bob');
  await ada.bring(world, 1, 'vitals', 'strap');
  const room = await ada.api<{ id: string; join_code: string }>('POST', '/rooms', { name: 'Ward' });
  await ada.api('PUT', `/rooms/${room.id}/sensors/strap-1`, {});
  await bob.api('POST', '/rooms/join', { code: room.join_code });
  await bob.go(`/rooms/${room.id}`);
  await expect(bob.page.getByRole('link', { name: 'Live' })).toBeVisible();
  await expect(bob.page.getByRole('button', { name: 'Record' })).toBeHidden();

  await ada.go(`/rooms/${room.id}?tab=members`);
  await ada.page.getByRole('button', { name: 'Actions for Bob' }).click();
  await ada.page.getByRole('menuitemcheckbox', { name: 'Administrator' }).click();
  await expect(bob.page.getByRole('button', { name: 'Record' })).toBeVisible(); // the right came live

  await bob.page.getByRole('link', { name: 'Settings' }).click();
  await bob.page.getByLabel('Name').fill('Ward 7');
  await bob.page.getByRole('button', { name: 'Save' }).click();
  await expect(ada.page.getByRole('heading', { name: 'Ward 7' })).toBeVisible();

  await ada.page.getByRole('link', { name: 'Alerts' }).click();
  await ada.page.getByRole('button', { name: 'New alert' }).click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('Attribute').selectOption({ label: 'Heart rate (bpm)' });
  await dialog.getByLabel('Upper bound').fill('180,5');
  await dialog.getByLabel('Name').fill('Too fast');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const rule = ada.page.getByRole('listitem').filter({ hasText: 'Too fast' }).first();
  await expect(rule).toContainText('above 180.5 bpm');
  await rule.getByRole('button', { name: 'Test' }).click();
  await expect(rule.getByText('✓ Notification: Ada')).toBeVisible();
  await expect(ada.page.getByRole('button', { name: /Notifications: \d+ unread/ })).toBeVisible();
  await rule.getByRole('button', { name: 'Delete Too fast' }).click();
  await expect(ada.page.getByText('No alerts yet')).toBeVisible();
  await ada.page.getByRole('button', { name: 'Undo' }).last().click();
  await expect(rule).toBeVisible();
});

test('a recording is started, stopped and exported', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.bring(world, 2, 'vitals', 'strap');
  const room = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Night' });
  for (const id of ['strap-1', 'strap-2']) await ada.api('PUT', `/rooms/${room.id}/sensors/${id}`, {});
  await ada.go(`/rooms/${room.id}`);
  await ada.page.getByRole('button', { name: 'Record' }).click();
  await ada.page.getByRole('dialog').getByLabel('Name').fill('First night');
  await ada.page.getByRole('button', { name: 'Start recording' }).click();
  await expect(ada.page.getByRole('status').filter({ hasText: 'Recording' })).toBeVisible();
  await ada.page.reload();
  await expect(ada.page.getByRole('status').filter({ hasText: 'Recording' })).toBeVisible();
  await ada.page.getByRole('link', { name: 'Recordings' }).click();
  const row = ada.page.getByRole('row').filter({ hasText: 'First night' });
  await expect(row).toContainText('Recording');
  await ada.page.getByRole('button', { name: 'Stop' }).click();
  await expect(row).not.toContainText('Recording');
  await row.getByRole('button', { name: 'Export First night' }).click();
  const download = ada.page.waitForEvent('download');
  await ada.page.getByRole('menuitem', { name: /^CSV/ }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe('First-night.zip');
  const stream = await file.createReadStream();
  const [head] = (await stream.take(1).toArray()) as [Buffer];
  expect(head.subarray(0, 2).toString()).toBe('PK');
});

test('a passkey is added, and a token is created and used', async ({ browser, world, request }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const devtools = await ada.context.newCDPSession(ada.page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await ada.go('/me?tab=sign-in');
  await ada.page.getByLabel('Name of the passkey').fill('this laptop');
  await ada.page.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(ada.page.getByText('The passkey is added.')).toBeVisible();
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'this laptop' })).toBeVisible();
  await ada.page.getByRole('button', { name: 'Account of Ada' }).click();
  await ada.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await ada.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await expect(ada.page.getByText('Welcome, Ada')).toBeVisible();

  await ada.go('/me?tab=tokens');
  await ada.page.getByRole('button', { name: 'Create a token' }).click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('my strap');
  await dialog.getByLabel('It may').selectOption({ label: 'do both' });
  await dialog.getByRole('button', { name: 'Create a token' }).click();
  const token = await dialog.locator('code').innerText();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(ada.page.getByRole('row').filter({ hasText: 'my strap' })).toContainText('send, see');
  await expect(ada.page.getByText(token)).toBeHidden();
  world.simulate(1, 'ecg', { token, prefix: 'belt' });
  await expect.poll(async () => (await (await request.get(`${world.url}/api/v1/sensors`, { headers: { Authorization: `Bearer ${token}` } })).json()).sensors.length).toBe(1);
  await ada.page.getByRole('button', { name: 'Revoke: my strap' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await expect(ada.page.getByText('No tokens yet')).toBeVisible();
  expect((await request.get(`${world.url}/api/v1/session`, { headers: { Authorization: `Bearer ${token}` } })).status()).toBe(401);
});

test('a person takes everything along and is erased', async ({ browser, world, request }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.bring(world, 1, 'ecg', 'strap');
  await ada.go('/me?tab=data');
  const download = ada.page.waitForEvent('download');
  await ada.page.getByRole('button', { name: 'Download everything' }).click();
  expect((await download).suggestedFilename()).toBe('sensocto.zip');
  await ada.page.getByRole('button', { name: 'Erase the account' }).click();
  const dialog = ada.page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Erase everything' })).toBeDisabled();
  await dialog.getByLabel(/^Type/).fill('ada');
  await dialog.getByLabel('Present password').fill('wrong');
  await dialog.getByRole('button', { name: 'Erase everything' }).click();
  await expect(dialog.getByRole('alert')).not.toBeEmpty();
  await dialog.getByLabel('Present password').fill(password);
  await dialog.getByRole('button', { name: 'Erase everything' }).click();
  await expect(ada.page).toHaveURL(/\/sign-in$/);
  const again = await request.post(`${world.url}/api/v1/session`, { data: { email: 'ada@example.org', password } });
  expect(again.status()).toBe(401);
});

test('a session of another device is ended, and that device is out', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const phone = await world.context(browser);
  const other = await phone.newPage();
  await other.goto(`${world.url}/sign-in`);
  await other.getByLabel('E-mail address').fill('ada@example.org');
  await other.getByLabel('Password').fill(password);
  await other.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(other.getByRole('button', { name: 'Account of Ada' })).toBeVisible();
  await ada.go('/me?tab=sign-in');
  await ada.page.getByRole('button', { name: /^Sign out:/ }).click();
  await expect(ada.page.getByRole('button', { name: /^Sign out:/ })).toBeHidden();
  await other.goto(`${world.url}/rooms`);
  await expect(other.getByText('Sign in to see rooms')).toBeVisible();
});
