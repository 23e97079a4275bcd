// What else people do in rooms: ban and let in again, hand over, invite by e-mail, scan a code with the camera, a wall
// that stays on, webhooks, and undo where something is removed.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeQR } from 'qr';
import { temporaryDirectory } from '../../../e2e/program.ts';
import { Mailbox } from './mailbox.ts';
import { password, Person } from './people.ts';
import { expect, openServer, test } from './world.ts';

type Room = { id: string; join_code: string; join_link?: string };

test('banned, somebody does not come back by the code; taken back, they are invited', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const bob = await Person.signUp(browser, world, 'Bob');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Ward' });
  await bob.api('POST', '/rooms/join', { code: room.join_code });
  await bob.go(`/rooms/${room.id}`);
  await ada.go(`/rooms/${room.id}?tab=members`);
  await ada.page.getByRole('button', { name: 'Actions for Bob' }).click();
  await ada.page.getByRole('menuitem', { name: 'Remove and ban' }).click();
  await expect(ada.toast('Bob is removed and cannot come back.')).toBeVisible();
  const undo = ada.page.getByRole('button', { name: 'Undo' }).last();
  await undo.hover(); // it stays while somebody points at it
  await expect(bob.page.getByText('You are not in this room any more')).toBeVisible();
  await bob.go(`/rooms#join=${room.join_code}`);
  const dialog = bob.page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Join by code' }).click();
  await expect(dialog.getByRole('alert')).not.toBeEmpty();

  await undo.click();
  await expect(ada.toast('Bob may come back, and is invited.')).toBeVisible();
  await bob.go('/rooms');
  await bob.page.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.page.getByRole('heading', { name: 'Ward' })).toBeVisible();
});

test('a room is handed over: the new owner has it, the old one administers it', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const bob = await Person.signUp(browser, world, 'Bob');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Ward' });
  await bob.api('POST', '/rooms/join', { code: room.join_code });
  await bob.go(`/rooms/${room.id}?tab=settings`);
  await expect(bob.page.getByRole('button', { name: 'Leave the room' })).toBeVisible();
  await ada.go(`/rooms/${room.id}?tab=members`);
  await ada.page.getByRole('button', { name: 'Actions for Bob' }).click();
  await ada.page.getByRole('menuitem', { name: 'Hand the room over' }).click();
  const dialog = ada.page.getByRole('dialog', { name: 'Hand the room over to Bob' });
  await dialog.getByRole('button', { name: 'Hand the room over' }).click();
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'Bob' }).first()).toContainText('Owner');
  await expect(bob.page.getByRole('button', { name: 'Delete the room' })).toBeVisible(); // it came live
  await ada.page.getByRole('link', { name: 'Settings' }).click();
  await expect(ada.page.getByRole('button', { name: 'Leave the room' })).toBeVisible();
  await expect(ada.page.getByRole('button', { name: 'Delete the room' })).toBeHidden();
});

test('who leaves a room by mistake is back with one click', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const bob = await Person.signUp(browser, world, 'Bob');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Park', is_public: true });
  await bob.api('POST', '/rooms/join', { code: room.join_code });
  await bob.go(`/rooms/${room.id}?tab=settings`);
  await bob.page.getByRole('button', { name: 'Leave the room' }).click();
  await expect(bob.page).toHaveURL(/\/rooms$/);
  await bob.page.getByRole('button', { name: 'Undo' }).last().click();
  await expect(bob.page.getByRole('heading', { name: 'Park' }).first()).toBeVisible();
  await expect(bob.page.getByRole('link', { name: /^Members/ })).toBeVisible();
});

test('a recording that was removed from the list is there again after undo', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.bring(world, 1, 'ecg', 'strap');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Night' });
  await ada.api('PUT', `/rooms/${room.id}/sensors/strap-1`, {});
  const { id } = await ada.api<{ id: string }>('POST', `/rooms/${room.id}/recordings`, { name: 'First night' });
  await ada.api('POST', `/rooms/${room.id}/recordings/${id}/stop`);
  await ada.go(`/rooms/${room.id}?tab=recordings`);
  const row = ada.page.getByRole('row').filter({ hasText: 'First night' });
  await row.getByRole('button', { name: 'Delete First night' }).click();
  await expect(row).toBeHidden();
  await ada.page.getByRole('button', { name: 'Undo' }).last().click();
  await expect(row).toBeVisible();
  await ada.page.reload();
  await expect(row).toBeVisible();
});

test('the secret of a webhook is shown once, and never again', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.bring(world, 1, 'vitals', 'strap');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Ward' });
  await ada.api('PUT', `/rooms/${room.id}/sensors/strap-1`, {});
  await ada.go(`/rooms/${room.id}?tab=alerts`);
  await ada.page.getByRole('button', { name: 'New alert' }).first().click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('Attribute').selectOption({ label: 'Heart rate (bpm)' });
  await dialog.getByLabel('Upper bound').fill('180');
  await dialog.getByLabel('Name').fill('Too fast');
  await dialog.getByLabel('Webhook').fill('https://example.org/hook');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toContainText('It is shown only now.');
  const secret = await dialog.locator('code').innerText();
  expect(secret).toMatch(/^whsec_/);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await ada.page.getByRole('button', { name: 'Edit Too fast' }).click();
  await expect(dialog.getByLabel('Webhook')).toHaveValue('https://example.org/hook');
  await expect(ada.page.locator('body')).not.toContainText(secret);
  expect(JSON.stringify(await ada.api('GET', '/alerts'))).not.toContain(secret);
});

test('a wall keeps the screen on while it is looked at, and lets go of it', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.bring(world, 1, 'vitals', 'strap');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Ward' });
  await ada.api('PUT', `/rooms/${room.id}/sensors/strap-1`, {});
  await ada.page.addInitScript(() => {
    const locks: WakeLockSentinel[] = ((window as { locks?: WakeLockSentinel[] }).locks = []);
    const request = WakeLock.prototype.request;
    WakeLock.prototype.request = async function (type) {
      const lock = await request.call(this, type);
      locks.push(lock);
      return lock;
    };
  });
  await ada.go(`/rooms/${room.id}/wall`);
  await expect(ada.page.getByRole('article', { name: 'strap-1' })).toBeVisible();
  const held = () => ada.page.evaluate(() => (window as unknown as { locks: WakeLockSentinel[] }).locks.map((lock) => !lock.released));
  await expect.poll(held).toEqual([true]);
  await ada.page.getByRole('link', { name: 'Back to the room' }).click();
  await expect.poll(held).toEqual([false]);
});

const mailing = test.extend<{ mails: Mailbox }>({
  mails: async ({}, use) => {
    const box = await Mailbox.open();
    await use(box);
    box.close();
  },
  flags: async ({ mails }, use) => use([...openServer, '--smtp-host', mails.host, '--smtp-from', 'sensocto@example.org', '--smtp-tls', 'none']),
});

mailing('invited by e-mail, somebody without an account comes into the room by the link', async ({ browser, world, mails }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Ward' });
  await ada.go(`/rooms/${room.id}?tab=members`);
  await ada.page.getByRole('button', { name: 'Invite' }).first().click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByLabel('E-mail address or user id').fill('carol@example.org');
  await dialog.getByRole('button', { name: 'Send invitation' }).click();
  await expect(ada.toast('carol@example.org is invited.')).toBeVisible();
  await expect.poll(() => mails.link('carol@example.org')).toBeTruthy();
  const page = await (await world.context(browser)).newPage();
  await page.goto(mails.link('carol@example.org')!.replace('127.0.0.1', 'localhost'));
  const field = (name: string) => page.getByLabel(name).locator('visible=true').first();
  await field('Name').fill('Carol');
  const email = field('E-mail address');
  if (await email.isEditable({ timeout: 1000 }).catch(() => false)) await email.fill('carol@example.org');
  await field('Password').fill(password);
  await page.getByRole('button', { name: /^(Make|Create) the account$/ }).click();
  await page.waitForURL(/\/(account|rooms)?$/);
  await page.goto(`${world.url}/rooms`);
  await page.getByRole('button', { name: 'Accept' }).click();
  await expect(page.getByRole('heading', { name: 'Ward' })).toBeVisible();
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'Carol' }).first()).toBeVisible();
});

/** One picture of 640 × 480 pixels, black on white, as a camera that Chromium plays over and over. */
function camera(text: string): string {
  const code = encodeQR(text, 'raw', { ecc: 'medium', border: 4 });
  const [width, height, scale] = [640, 480, Math.floor(440 / code.length)];
  const luma = Buffer.alloc(width * height, 235);
  const [left, top] = [(width - scale * code.length) >> 1, (height - scale * code.length) >> 1];
  code.forEach((row, y) => row.forEach((dark, x) => {
    if (!dark) return;
    for (let i = 0; i < scale; i++) luma.fill(16, (top + y * scale + i) * width + left + x * scale, (top + y * scale + i) * width + left + (x + 1) * scale);
  }));
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((width * height) / 2, 128)]);
  const file = join(temporaryDirectory(), 'camera.y4m');
  writeFileSync(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]));
  return file;
}

test('the code of a room is scanned with the camera', async ({ playwright, launchOptions, world, browser }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const room = await ada.api<Room>('POST', '/rooms', { name: 'Ward' });
  const { join_link } = await ada.api<Room>('GET', `/rooms/${room.id}`);
  const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${camera(join_link!)}`];
  const phone = await playwright.chromium.launch({ ...launchOptions, args: [...(launchOptions.args ?? []), ...args] });
  try {
    const bob = await Person.signUp(phone, world, 'Bob', { permissions: ['camera'] });
    await bob.go('/rooms');
    await bob.page.getByRole('button', { name: 'Join by code' }).first().click();
    await bob.page.getByRole('button', { name: 'Scan a QR code' }).click();
    await expect(bob.page.getByLabel('Code, link or ticket')).toHaveValue(room.join_code.replace('-', ''));
    await bob.page.getByRole('dialog').getByRole('button', { name: 'Join by code' }).click();
    await expect(bob.page.getByRole('heading', { name: 'Ward' })).toBeVisible();
  } finally {
    await phone.close();
  }
});
