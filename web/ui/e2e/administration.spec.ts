// What an administrator does with all that is stored, and files for other programs.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Download } from '@playwright/test';
import { sensocto, temporaryDirectory } from '../../../e2e/program.ts';
import { Person, password } from './people.ts';
import { expect, openServer, test, type World } from './world.ts';

const binary = fileURLToPath(new URL('../../../bin/sensocto', import.meta.url));

async function administrator(...[browser, world]: [Parameters<typeof Person.signUp>[0], World]): Promise<Person> {
  const ada = await Person.signUp(browser, world, 'Ada');
  execFileSync(binary, ['user', 'make-admin', 'ada@example.org', '--data-dir', world.program.dataDir]);
  await ada.api('POST', '/session', { email: 'ada@example.org', password }); // other rights take another session
  return ada;
}

/** Stores a measurement a minute that begins so many days ago and ends an hour ago. */
async function importDays(world: World, days: number): Promise<number> {
  const end = Math.floor(Date.now() / 60_000 - 60) * 60_000;
  const times = Array.from({ length: days * 1440 }, (_, i) => end - i * 60_000).reverse();
  const file = join(temporaryDirectory(), 'days.csv');
  writeFileSync(file, `time_ms,heartrate (bpm)\n${times.map((t) => `${t},${70 + (t % 7)}`).join('\n')}\n`);
  await sensocto(['import', file, '--sensor-id', 'old', '--server', world.program.url]);
  return times.length;
}

async function bytes(download: Download): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of await download.createReadStream()) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

test.describe('with a rule of retention', () => {
  test.use({ flags: [...openServer, '--retention', '[{raw: 30d}]'] });

  test('what is too old is shown, and removed when an administrator says so', async ({ browser, world }) => {
    const ada = await administrator(browser, world);
    await importDays(world, 90);
    await world.program.stop(); // all of it is in the database then
    await world.program.start();
    await ada.go('/admin?tab=storage');
    await expect(ada.page.getByText(/[\d,]{5,} samples of 1 attribute would be removed\./)).toBeVisible();
    await expect(ada.page.getByRole('table', { name: 'What would be removed' })).toContainText('old');
    await ada.page.getByRole('button', { name: 'Remove now' }).click();
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove now' }).click();
    await expect(ada.toast(/[\d,]{5,} samples are removed\./)).toBeVisible();
    await expect(ada.page.getByText('Nothing is older than it is kept.')).toBeVisible();
    const left = await sensocto(['read', 'old', 'heartrate', '--limit', '1', '--format', 'csv', '--server', world.program.url]);
    expect(Number(left.trim().split('\n').at(-1)!.split(',')[0])).toBeGreaterThan(Date.now() - 34 * 86_400_000); // whole chunks go
  });
});

test('a backup is downloaded, and a server can be made from it', async ({ browser, world }) => {
  const ada = await administrator(browser, world);
  await ada.bring(world, 1, 'vitals', 'strap');
  await ada.go('/admin?tab=storage');
  await ada.page.getByLabel('Token of the server').fill('wrong');
  await ada.page.getByRole('button', { name: 'Download a backup' }).click();
  await expect(ada.page.getByRole('alert').filter({ hasText: /./ }).first()).toBeVisible();
  await ada.page.getByLabel('Token of the server').fill(await world.program.token('admin', 'backup'));
  const download = ada.page.waitForEvent('download');
  await ada.page.getByRole('button', { name: 'Download a backup' }).click();
  const file = join(temporaryDirectory(), 'sensocto.backup');
  await (await download).saveAs(file);
  await expect(ada.page.getByLabel('Token of the server')).toHaveValue(''); // it does not stay on the screen
  const dir = join(temporaryDirectory(), 'restored');
  execFileSync(binary, ['restore', file, '--data-dir', dir], { stdio: 'pipe' });
  expect(execFileSync(binary, ['user', 'list', '--data-dir', dir], { encoding: 'utf8' })).toContain('ada@example.org');
});

test('exports of a sensor in every format begin as such files do', async ({ page, world }) => {
  world.simulate(1, 'vitals');
  await page.goto(`${world.url}/sensors/sim-1`);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await expect.poll(async () => (await world.stored(page, 'sim-1', 'heartrate')).length, { message: 'something to export' }).toBeGreaterThan(2);
  for (const [format, name, begins] of [
    ['edf', 'sim-1.edf', '0       '],
    ['parquet', 'sim-1.parquet', 'PAR1'],
    ['wfdb', 'sim-1.zip', 'PK'],
  ] as const) {
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('combobox', { name: 'Format' }).selectOption(format);
    await page.getByRole('combobox', { name: 'Time', exact: true }).selectOption('all');
    if (format !== 'parquet') await page.getByLabel('Resample to (Hz)').fill('128');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(name);
    expect((await bytes(file)).toString('latin1').startsWith(begins), format).toBe(true);
    await expect(page.getByRole('dialog')).toBeHidden();
  }
});

test('a recording as Parquet', async ({ browser, world }) => {
  const ada = await Person.signUp(browser, world, 'Ada');
  await ada.bring(world, 1, 'ecg', 'strap');
  const room = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Night' });
  await ada.api('PUT', `/rooms/${room.id}/sensors/strap-1`, {});
  const { id } = await ada.api<{ id: string }>('POST', `/rooms/${room.id}/recordings`, { name: 'First night' });
  const began = Date.now();
  const recorded = async () => (await world.stored(ada.page, 'strap-1', 'ecg')).some((t) => t > began + 1000);
  await expect.poll(recorded, { message: 'something is recorded' }).toBe(true);
  await ada.api('POST', `/rooms/${room.id}/recordings/${id}/stop`);
  await ada.go(`/rooms/${room.id}?tab=recordings`);
  await ada.page.getByRole('button', { name: 'Export First night' }).click();
  const download = ada.page.waitForEvent('download');
  await ada.page.getByRole('menuitem', { name: /^Parquet/ }).click();
  const file = join(temporaryDirectory(), 'night.zip');
  await (await download).saveAs(file);
  expect(readFileSync(file).includes('.parquet')).toBe(true); // the name of a file in the archive
});
