// Rooms that two servers share: a ticket made at one, opened at the other, and what each sees of the other.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { encodeQR } from 'qr';
import { Program } from '../../../e2e/program.ts';
import { password, Person } from './people.ts';
import { expect, openServer, test, World, type Page } from './world.ts';

const sidecar = process.env['SENSOCTO_SIDECAR'] ?? fileURLToPath(new URL('../../../bin/sensocto-sidecar', import.meta.url));
const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));
const sharing = [...openServer, '--p2p-listen', '127.0.0.1:0', '--p2p-discovery', 'none', '--p2p-program', sidecar];

/** axe finds nothing, and nothing is wider than the screen. */
async function check(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

/** Has the page's camera see a picture. */
const showCamera = (page: Page, picture: boolean[][]) =>
  page.evaluate((picture) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: picture.length * 6, height: picture.length * 6 });
    const draw = () => {
      const context = canvas.getContext('2d')!;
      picture.forEach((row, y) => row.forEach((dark, x) => ((context.fillStyle = dark ? '#000' : '#fff'), context.fillRect(x * 6, y * 6, 6, 6))));
    };
    setInterval(draw, 100); // a stream of a canvas has a frame for each change
    draw();
    navigator.mediaDevices.getUserMedia = () => Promise.resolve(canvas.captureStream());
  }, picture);

const join = (person: Person) => person.page.getByRole('dialog', { name: 'Join by ticket' }).getByRole('button', { name: 'Join', exact: true });

test.describe('two servers', () => {
  test.skip(!existsSync(sidecar), "the sidecar is not built: run 'make sidecar'");
  test.use({ flags: sharing });

  test('a room made at one is opened at the other by a link, and what changes there is seen here', async ({ browser, world: here }) => {
    const there = new World(await Program.start(...sharing), []);
    here.onEnd(() => Promise.all(contexts.map((context) => context.close())));
    const ada = await Person.signUp(browser, here, 'Ada');
    const bob = await Person.signUp(browser, there, 'Bob', { viewport: { width: 390, height: 844 } });
    const zoe = await Person.signUp(browser, there, 'Zoe');
    const contexts = [bob.context, zoe.context];
    const { id } = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Sleep lab' });

    await ada.go(`/rooms/${id}?tab=servers`);
    await expect(ada.page.getByRole('status').filter({ hasText: 'Only on this server' })).toBeVisible(); // the sidecar has started
    await ada.page.getByRole('button', { name: 'Make a ticket' }).click();
    const made = ada.page.getByRole('dialog', { name: 'Ticket for Sleep lab' });
    await made.getByRole('button', { name: 'Make a ticket' }).click();
    await expect(made.getByRole('alert')).toContainText('A ticket is a secret.');
    await expect(made.getByRole('img', { name: 'QR code with a ticket for Sleep lab' })).toBeVisible();
    await made.getByLabel('Address of their server').fill(there.url);
    await check(ada.page);
    const link = await made.locator('code').first().innerText();
    expect(link).toContain(`${there.url}/rooms#ticket=sensocto-room-`);
    await made.getByRole('button', { name: 'Done' }).click();
    await expect(ada.page.getByRole('button', { name: /^End the ticket: Member, made / })).toBeVisible();

    const asked: string[] = [];
    bob.page.on('request', (request) => asked.push(request.url()));
    await bob.page.goto(link);
    await expect(bob.page.getByText('A ticket for the room “Sleep lab”.')).toBeVisible();
    expect(new URL(bob.page.url()).hash).toBe('');
    expect(asked.filter((url) => url.includes('sensocto-room-') && !url.includes('#'))).toEqual([]);
    await check(bob.page);
    await join(bob).click();
    await expect(bob.page.getByRole('heading', { name: 'Sleep lab' }).first()).toBeVisible();

    await ada.page.getByRole('link', { name: 'Settings' }).click();
    await ada.page.getByLabel('Name').fill('Gym');
    await ada.page.getByRole('button', { name: 'Save' }).click();
    await expect(bob.page.getByRole('heading', { name: 'Gym' }).first()).toBeVisible();
    await ada.page.getByRole('link', { name: 'Other servers' }).click();
    await expect(ada.page.getByRole('list', { name: 'Connected servers' }).getByRole('listitem').filter({ hasText: 'Bob' })).toContainText('Direct');
    await expect(ada.page.getByRole('status').filter({ hasText: /^Connected$/ })).toBeVisible();
    await check(ada.page);
    await bob.page.getByRole('link', { name: 'Other servers' }).click();
    await expect(bob.page.getByRole('list', { name: 'Connected servers' })).toContainText('Ada');
    await check(bob.page);

    // Somebody else of that server comes by the same ticket to the room that is there: they scan it.
    await zoe.go('/rooms');
    await showCamera(zoe.page, encodeQR(link, 'raw', { ecc: 'low', border: 4 }));
    await zoe.page.getByRole('button', { name: 'Join by code' }).first().click();
    await zoe.page.getByRole('button', { name: 'Scan a QR code' }).click();
    await join(zoe).click();
    await expect(zoe.page.getByRole('heading', { name: 'Gym' }).first()).toBeVisible();

    await ada.page.getByRole('button', { name: /^End the ticket: Member, made / }).click();
    await ada.page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await expect(ada.page.getByText('No ticket admits anybody.')).toBeVisible();

    // The status page has the room by its name, and how long its changes wait.
    execFileSync(binary, ['user', 'make-admin', 'ada@example.org', '--data-dir', here.program.dataDir]);
    await ada.api('POST', '/session', { email: 'ada@example.org', password }); // other rights take another session
    await ada.go('/status');
    await expect(ada.page.getByRole('region', { name: 'Sharing with other servers: lag' }).getByText('Longest wait of a change')).toBeVisible();
    await expect(ada.page.getByRole('row', { name: /^Sleep lab/ })).toBeVisible();
    await check(ada.page);

    // A room whose only server is gone is looked for until somebody gives up.
    const lost = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Lost' });
    const { ticket } = await ada.api<{ ticket: string }>('POST', `/rooms/${lost.id}/tickets`, {});
    await here.program.kill();
    await bob.go('/rooms');
    await bob.page.getByRole('button', { name: 'Join by code' }).first().click();
    await bob.page.getByLabel('Code, link or ticket').fill(` ${ticket} `);
    await join(bob).click();
    await expect(bob.page.getByText('Looking for a server that has the room')).toBeVisible();
    await bob.page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await expect(join(bob)).toBeVisible();
    await check(bob.page);
  });
});

test('where rooms are not shared, the app says so; whoever is not signed in may take a ticket elsewhere', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  const { id } = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Lab' });
  await ada.go(`/rooms/${id}?tab=servers`);
  await expect(ada.page.getByRole('status').filter({ hasText: 'Switched off' })).toBeVisible();
  await expect(ada.page.getByRole('button', { name: 'Make a ticket' })).toBeHidden();

  const ticket = `sensocto-room-${Buffer.from(JSON.stringify({ v: 1, room: id, name: 'Far away', doc: 'doc', invite: 'AA==' })).toString('base64url')}`;
  await ada.go(`/link#ticket=${ticket}`);
  await join(ada).click();
  await expect(ada.page.getByRole('dialog').getByText('This server does not share rooms with other servers')).toBeVisible();

  const stranger = await (await world.context(browser)).newPage();
  await stranger.goto(`${world.url}/rooms#ticket=${ticket}`);
  await expect(stranger.getByText('To bring the room to this server, sign in first.')).toBeVisible();
  await stranger.getByLabel('Address of their server').fill('https://lab.example.org/anything');
  await expect(stranger.getByRole('link', { name: 'Open there' })).toHaveAttribute('href', `https://lab.example.org/rooms#ticket=${ticket}`);
  await check(stranger);
});
