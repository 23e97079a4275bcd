// Rooms that two servers share: a ticket made at one, opened at the other, and what each sees of the other.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { encodeQR } from 'qr';
import { Program } from '../../../e2e/program.ts';
import { password, Person } from './people.ts';
import { atLevel, expect, openServer, took, test, World, type Page } from './world.ts';

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
    await expect(ada.page.getByRole('row', { name: /^Gym/ })).toBeVisible();
    await check(ada.page);

    // Whoever has a ticket of before is locked out; members follow by themselves.
    await ada.go(`/rooms/${id}?tab=servers`);
    await ada.page.getByRole('button', { name: 'Lock out' }).click();
    await expect(ada.page.getByRole('dialog')).toContainText('Members stay in the room');
    await check(ada.page);
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Lock out' }).click();
    await expect(ada.toast(/^All tickets have ended/)).toBeVisible();
    await ada.page.getByRole('link', { name: 'Settings' }).click();
    await ada.page.getByLabel('Name').fill('Studio');
    await ada.page.getByRole('button', { name: 'Save' }).click();
    await expect(bob.page.getByRole('heading', { name: 'Studio' }).first()).toBeVisible();
    await expect.poll(async () => (await ada.api<{ waiting: string[] }>('GET', `/rooms/${id}/p2p`)).waiting).toEqual([]);

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

  test('a sensor of one is seen live at the other, with its past; its device rests when nobody looks there', async ({ browser, world: here }) => {
    const there = new World(await Program.start(...sharing), []);
    here.onEnd(() => Promise.all(contexts.map((context) => context.close())));
    const ada = await Person.signUp(browser, here, 'Ada');
    const bob = await Person.signUp(browser, there, 'Bob');
    const contexts = [bob.context];
    const { id } = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Sleep lab' });
    const { token } = await ada.api<{ token: string }>('POST', '/tokens', { name: 'strap', scopes: ['ingest', 'view'] });
    const device = here.device('strap', undefined, { token });
    await expect.poll(() => device.device.state).toBe('online');
    await ada.api('PUT', `/rooms/${id}/sensors/strap`, { history: 'all' });
    await ada.go('/sensors/strap'); // some past: it sends while somebody looks
    await expect.poll(async () => (await here.stored(ada.page, 'strap', 'level')).length).toBeGreaterThan(30);
    await ada.go('/rooms');
    await atLevel('none', device);

    let ticket = '';
    await expect.poll(async () => (ticket = (await ada.api<{ ticket: string }>('POST', `/rooms/${id}/tickets`, {}).catch(() => ({ ticket: '' }))).ticket)).not.toBe(''); // the sidecar has started
    await bob.api('POST', '/rooms/join-ticket', { ticket });
    const shared = Date.now();
    await bob.go(`/rooms/${id}`);
    const tile = bob.page.getByRole('article', { name: 'strap', exact: true });
    const trace = tile.locator('canvas').first();
    await expect(trace).toBeVisible();
    await expect.poll(() => device.level, { message: "its device is asked for what the far viewer's look asks for" }).not.toBe('none');
    await expect(tile.getByRole('img', { name: 'Sending' })).toBeVisible();
    const picture = () => trace.evaluate((c: HTMLCanvasElement) => c.toDataURL());
    for (let n = 0; n < 3; n++) {
      const before = await picture();
      await expect.poll(picture, { message: 'the trace moves' }).not.toBe(before);
    }

    await tile.getByRole('link', { name: 'strap', exact: true }).click();
    await expect(bob.page.getByRole('heading', { name: 'strap', level: 1 })).toBeVisible();
    const far = decodeURIComponent(new URL(bob.page.url()).pathname.split('/').at(-1)!);
    expect(far).toMatch(/^p2p:/);
    await bob.page.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: '600000' });
    await bob.page.getByRole('button', { name: 'Table', exact: true }).click();
    const counts = bob.page.getByRole('region', { name: /^level: what is shown/ }).locator('tbody tr td:nth-of-type(4)');
    const shown = async () => (await counts.allInnerTexts()).reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0);
    await expect.poll(shown, { message: 'what it sent before the room was here is shown, too' }).toBeGreaterThan(30);
    expect((await there.stored(bob.page, far, 'level')).filter((time) => time < shared).length).toBeGreaterThan(30);

    const away = Date.now();
    await bob.go('/rooms');
    await atLevel('none', device);
    took('a far viewer looks away, and the device is at none', Date.now() - away, 4000, 'with the load of another page; the hold has 2 s');

    // What is watched is kept from now on: it is here when the other server is gone.
    await ada.go(`/rooms/${id}?tab=settings`);
    const keep = ada.page.getByRole('switch', { name: 'Keep what is watched' });
    await expect(keep).not.toBeChecked();
    await keep.check();
    await ada.page.getByRole('button', { name: 'Save' }).click();
    await expect(ada.toast('The settings are saved.')).toBeVisible();
    await expect.poll(async () => (await bob.api<{ settings: { keep_watched?: boolean } }>('GET', `/rooms/${id}`)).settings.keep_watched).toBe(true);
    await bob.go(`/sensors/${encodeURIComponent(far)}`);
    await expect.poll(() => device.level).not.toBe('none');
    await bob.page.waitForTimeout(2000);
    await here.program.kill();
    await expect.poll(async () => (await there.stored(bob.page, far, 'level')).length, { message: 'what was watched is kept', timeout: 60_000 }).toBeGreaterThan(5);
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
