// Every dialog of the app, and how to come to it: for what has to hold in all of them.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from '@playwright/test';
import { password, Person } from './people.ts';
import { expect, type World } from './world.ts';

const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));

/** Of a text in both languages the one that the page is in. */
export type Say = (english: string, german: string) => string;
export const english: Say = (text) => text;
export const german: Say = (_, text) => text;

/** A dialog: the page on which it is, and what opens it there. */
export interface DialogPath {
  readonly path: string;
  readonly open: (page: Page, say: Say) => Promise<unknown>;
}

const named = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).or(page.getByRole('menuitem', { name, exact: true }));
const press = (page: Page, name: string) => named(page, name).first().click();
/** Presses the button of the dialog on top. */
const confirm = (page: Page, name: string) => page.getByRole('dialog').last().getByRole('button', { name, exact: true }).click();
const field = (page: Page, label: string | RegExp) => page.getByRole('dialog').last().getByLabel(label);

/** Answers a request of the page in place of the server: for what takes a sidecar, days or another account to come about. */
async function answer(page: Page, path: string, method: string, status: number, body: unknown): Promise<void> {
  await page.route(path, (route) => (route.request().method() === method ? route.fulfill({ status, json: body }) : route.fallback()));
}

const sharing = {
  entries: 1, flooded: false, following: false, lag_ms: 0, loopback_only: false, missing: 0, moved: false, own: true, peers: [], pending: 0, problem: '',
  read_only: false, refused: {}, retries: 0, room_id: '', shared: true, sidecar: 'running', synced_at: null, waiting: [],
};

/** A room that is shared with other servers, with one ticket. */
async function shared(page: Page): Promise<void> {
  await answer(page, '**/api/v1/rooms/*/p2p', 'GET', 200, sharing);
  await answer(page, '**/api/v1/rooms/*/tickets', 'GET', 200, { tickets: [{ id: 'one', made_at: '2026-01-01T12:00:00Z', role: 'member' }] });
  await answer(page, '**/api/v1/rooms/*/tickets', 'POST', 200, { ticket: 'sensocto-room-aaaaaaaaaaaaaaaaaaaaaaaa' });
  await page.reload();
}

/** Sensors of the operator, whom nobody can sign in as. */
async function ofOperator(page: Page): Promise<void> {
  await page.route('**/api/v1/administration/sensors?*', async (route) => {
    const response = await route.fetch();
    const body = (await response.json()) as { sensors: object[] };
    await route.fulfill({ response, json: { ...body, sensors: body.sensors.map((s) => ({ ...s, owner_id: 'operator' })) } });
  });
  await page.reload();
}

/** A server that keeps measurements for a day, and has older ones. */
async function aged(page: Page): Promise<void> {
  const gone = { keep: '1d', before: 1.7e12, measurements: 1000, bytes: 20_000 };
  await answer(page, '**/api/v1/retention', 'GET', 200, { time: 1.7e12, series: [{ sensor_id: 'bed-1', attribute_id: 'ecg', raw: gone, rollups: { ...gone, measurements: 0 } }] });
  await page.reload();
}

/** A session that began long ago. */
const longAgo = (page: Page) => answer(page, '**/api/v1/tokens', 'POST', 403, { status: 403, title: 'Forbidden', reason: 'confirmation_needed' });

/** Makes a token, as far as the server lets one. */
async function makeToken(page: Page, say: Say): Promise<void> {
  await press(page, say('Create a token', 'Token erzeugen'));
  await field(page, 'Name').fill('watch');
  await confirm(page, say('Create a token', 'Token erzeugen'));
}

async function demoHeart(page: Page, say: Say): Promise<void> {
  const heart = say('Demo heart', 'Demo-Herz');
  await press(page, heart);
  await press(page, say(`More for ${heart}`, `Mehr zu ${heart}`));
}

/** The dialogs of somebody who administers the server and owns a room, see `prepare`. */
export const dialogs = (roomId: string): DialogPath[] => {
  const room = `/rooms/${roomId}`;
  return [
    { path: '/rooms', open: (page, say) => press(page, say('Create a room', 'Raum anlegen')) },
    { path: '/rooms', open: (page, say) => press(page, say('Join by code', 'Mit Code beitreten')) },
    { path: '/rooms', open: async (page, say) => (await press(page, say('Join by code', 'Mit Code beitreten')), press(page, say('Scan a QR code', 'QR-Code scannen'))) },
    { path: '/rooms#ticket=sensocto-room-aaaaaaaaaaaaaaaaaaaaaaaa', open: (page, say) => page.getByRole('dialog', { name: say('Join by ticket', 'Mit Ticket beitreten') }).waitFor() },
    { path: room, open: (page, say) => press(page, say('Invite', 'Einladen')) },
    {
      path: room,
      open: async (page, say) => {
        await press(page, say('Invite', 'Einladen'));
        await field(page, say('E-mail address or user id', 'E-Mail-Adresse oder Nutzer-ID')).fill('grace@example.org');
        await confirm(page, say('Send invitation', 'Einladung senden'));
        await page.getByRole('dialog').getByText('/rooms#').or(page.getByRole('dialog').getByText('/link#')).first().waitFor();
      },
    },
    { path: room, open: (page, say) => press(page, say('Share sensors', 'Sensoren teilen')) },
    { path: room, open: (page, say) => press(page, say('Record', 'Aufnehmen')) },
    { path: room, open: async (page, say) => (await press(page, say('Join the call', 'Am Anruf teilnehmen')), page.getByRole('dialog').getByRole('meter').waitFor()) },
    { path: `${room}?tab=alerts`, open: (page, say) => press(page, say('New alert', 'Neuer Alarm')) },
    { path: `${room}?tab=alerts`, open: (page, say) => press(page, say('Edit bed-1', 'bed-1 bearbeiten')) },
    {
      path: `${room}?tab=alerts`,
      open: async (page, say) => {
        await answer(page, '**/api/v1/alerts', 'POST', 200, { id: 'made', sensor_id: 'bed-1', name: 'bed-1', condition: 'above', notify: [], enabled: true, webhook_secret: 'violet-harbour' });
        await press(page, say('New alert', 'Neuer Alarm'));
        await field(page, say('Upper bound', 'Obere Grenze')).fill('180');
        await confirm(page, say('Save', 'Speichern'));
        await page.getByRole('dialog').getByText('violet-harbour').waitFor();
      },
    },
    { path: `${room}?tab=settings`, open: (page, say) => press(page, say('Delete the room', 'Raum löschen')) },
    { path: `${room}?tab=members`, open: async (page, say) => (await press(page, say('Actions for Bob', 'Aktionen für Bob')), press(page, say('Hand the room over', 'Raum übergeben'))) },
    { path: `${room}?tab=servers`, open: async (page, say) => (await shared(page), press(page, say('Make a ticket', 'Ticket ausstellen'))) },
    {
      path: `${room}?tab=servers`,
      open: async (page, say) => {
        await shared(page);
        await press(page, say('Make a ticket', 'Ticket ausstellen'));
        await confirm(page, say('Make a ticket', 'Ticket ausstellen'));
        await page.getByRole('dialog').getByRole('img').waitFor();
      },
    },
    { path: `${room}?tab=servers`, open: async (page, say) => (await shared(page), page.getByRole('button', { name: say('End the ticket', 'Ticket beenden') }).click()) },
    { path: `${room}?tab=servers`, open: async (page, say) => (await shared(page), press(page, say('Lock out', 'Aussperren'))) },
    { path: '/me?tab=tokens', open: (page, say) => press(page, say('Create a token', 'Token erzeugen')) },
    { path: '/me?tab=tokens', open: async (page, say) => (await makeToken(page, say), page.getByRole('dialog', { name: say('The token is created', 'Das Token ist erzeugt') }).waitFor()) },
    { path: '/me?tab=tokens', open: async (page, say) => (await longAgo(page), await makeToken(page, say), page.getByRole('dialog').last().getByLabel(say('Password', 'Passwort')).waitFor()) },
    { path: '/me?tab=tokens', open: (page, say) => press(page, say('Revoke: bed', 'Widerrufen: bed')) },
    { path: '/me?tab=data', open: (page, say) => press(page, say('Erase the account', 'Konto löschen')) },
    { path: '/admin?tab=users', open: (page, say) => press(page, say('Invite somebody', 'Jemanden einladen')) },
    {
      path: '/admin?tab=users',
      open: async (page, say) => {
        await press(page, say('Invite somebody', 'Jemanden einladen'));
        await field(page, say('E-mail address', 'E-Mail-Adresse')).fill('grace@example.org');
        await confirm(page, say('Invite', 'Einladen'));
        await page.getByRole('dialog').getByText('/link#').first().waitFor();
      },
    },
    { path: '/admin?tab=users', open: async (page, say) => (await press(page, say('Actions for Bob', 'Aktionen für Bob')), press(page, say('Erase', 'Löschen'))) },
    { path: '/admin?tab=storage', open: async (page, say) => (await aged(page), press(page, say('Remove now', 'Jetzt entfernen'))) },
    { path: '/admin?tab=sensors', open: async (page, say) => (await press(page, say('Actions for bed-1', 'Aktionen für bed-1')), press(page, say('Delete', 'Löschen'))) },
    {
      path: '/admin?tab=sensors',
      open: async (page, say) => {
        await ofOperator(page);
        await press(page, say('Actions for bed-1', 'Aktionen für bed-1'));
        await press(page, say('Hand over', 'Übergeben'));
      },
    },
    { path: '/sensors/bed-1', open: (page, say) => press(page, say('Export', 'Exportieren')) },
    { path: '/sensors/bed-1', open: (page, say) => press(page, say('Set a marker', 'Marke setzen')) },
    {
      path: '/sensors/bed-1',
      open: async (page, say) => {
        await page.getByRole('combobox', { name: say('Paper', 'Papier') }).selectOption({ value: '25' });
        await press(page, say('Calibrate the screen', 'Bildschirm kalibrieren'));
      },
    },
    { path: '/sense', open: async (page, say) => (await demoHeart(page, say), press(page, say('Rename', 'Umbenennen'))) },
    { path: '/sense', open: async (page, say) => (await demoHeart(page, say), press(page, say('Room', 'Raum')), page.getByRole('dialog').getByRole('combobox').waitFor()) },
    {
      path: '/sense',
      open: async (page, say) => {
        await page.routeWebSocket(/\/socket\//, () => {}); // nothing reaches the server
        await page.reload();
        await press(page, say('Demo heart', 'Demo-Herz'));
        await page.waitForTimeout(1500); // some beats
        await press(page, say('Account of Ada', 'Konto von Ada'));
        await press(page, say('Sign out', 'Abmelden'));
      },
    },
  ];
};

/** Somebody who can open all of them: Ada administers the server, has two sensors, and a room with Bob in it. */
export async function prepare(browser: Browser, world: World, options: Parameters<typeof Person.signUp>[3] = {}): Promise<{ ada: Person; roomId: string }> {
  const ada = await Person.signUp(browser, world, 'Ada', options);
  execFileSync(binary, ['user', 'make-admin', 'ada@example.org', '--data-dir', world.program.dataDir]);
  await ada.api('POST', '/session', { email: 'ada@example.org', password });
  await ada.bring(world, 2, 'vitals', 'bed');
  const { id, join_code } = await ada.api<{ id: string; join_code: string }>('POST', '/rooms', { name: 'Ward' });
  await ada.api('PUT', `/rooms/${id}/sensors/bed-1`, {});
  await ada.api('POST', '/alerts', { sensor_id: 'bed-1', attribute_id: 'heartrate', name: 'bed-1', condition: 'above', high: 180 });
  const bob = await Person.signUp(browser, world, 'Bob');
  await bob.api('POST', '/rooms/join', { code: join_code });
  await bob.context.close();
  return { ada, roomId: id };
}

/** Opens a dialog from nothing, and returns it: the one on top. */
export async function show(page: Page, url: string, { path, open }: DialogPath, say: Say) {
  await page.unrouteAll();
  await page.goto('about:blank'); // a secret behind the # alone loads no page
  await page.goto(url + path);
  await open(page, say);
  const dialog = page.getByRole('dialog').last();
  await expect(dialog, path).toBeVisible();
  return dialog;
}
