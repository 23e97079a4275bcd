// make lighthouse: the scores of the main pages, as an administrator who is signed in, on a phone and on a desk. It
// prints a table and ends with 1 if a score is under 95. PAGES='/ /sense' runs only these, SHOW=1 prints what cost points.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';

const root = new URL('../../../', import.meta.url).pathname;
const { default: lighthouse, desktopConfig } = await import(join(root, '.cache/lighthouse/node_modules/lighthouse/core/index.js'));
const binary = join(root, 'bin/sensocto');
const port = 9333;
const categories = ['performance', 'accessibility', 'best-practices', 'seo'];
const person = { name: 'Ada', email: 'ada@example.org', password: 'violet harbour sings at noon' };

const dir = mkdtempSync(join(tmpdir(), 'sensocto-lighthouse-'));
const data = join(dir, 'data');
const server = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data-dir', data, '--guests', 'view,ingest', '--registration', 'open'], { stdio: ['ignore', 'pipe', 'ignore'] });
const url = await new Promise((resolve) => server.stdout.once('data', (text) => resolve(String(text).match(/http:\S+/)[0])));
const devices = spawn(binary, ['simulate', '--server', url, '--sensors', '6', '--scenario', 'vitals', '--quiet'], { stdio: 'ignore' });
// A browser of its own for each page: in one that has shown another, the profiler first walks what that has left, 0.1 s
// that count as the page's. They share a profile: the first page is a first visit, the others a next one.
const open = () => chromium.launchPersistentContext(join(dir, 'profile'), { executablePath: '/usr/bin/chromium', args: ['--no-sandbox', `--remote-debugging-port=${port}`] });
let context = await open();
let failed = false;
try {
  await context.request.post(`${url}/api/v1/users`, { data: person });
  spawnSync(binary, ['user', 'make-admin', person.email, '--data-dir', data]);
  await context.request.post(`${url}/api/v1/session`, { data: person });
  const room = await (await context.request.post(`${url}/api/v1/rooms`, { data: { name: 'Ward' } })).json();
  const pages = process.env.PAGES?.split(' ') ?? ['/', '/sensors/sim-1', '/compare?a=sim-1/ecg&a=sim-2/heartrate', '/sense', '/rooms', `/rooms/${room.id}`, '/me', '/admin', '/status', '/design'];
  console.log(`page | screen | ${categories.join(' | ')}`);
  for (const page of pages) {
    for (const [screen, config] of [['phone', undefined], ['desk', desktopConfig]]) {
      await context.close();
      context = await open();
      const { lhr } = await lighthouse(url + page, { port, onlyCategories: categories, disableStorageReset: true, logLevel: 'silent' }, config);
      if (lhr.runtimeError) console.log(`    ${lhr.runtimeError.message}`);
      const scores = categories.map((c) => Math.round(100 * lhr.categories[c].score));
      failed ||= scores.some((s) => s < 95);
      console.log(`${page.replace(room.id, 'ID')} | ${screen} | ${scores.join(' | ')}`);
      if (process.env.SHOW) explain(lhr);
    }
  }
} finally {
  await context.close();
  devices.kill('SIGKILL');
  await new Promise((done) => (server.once('exit', done), server.kill('SIGTERM')));
  rmSync(dir, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

function explain(lhr) {
  for (const c of categories) {
    for (const ref of lhr.categories[c].auditRefs) {
      const audit = lhr.audits[ref.id];
      if (ref.weight > 0 && audit.score !== null && audit.score < 0.95) {
        const items = (audit.details?.items ?? []).slice(0, 3).map((i) => JSON.stringify(i.node?.snippet ?? i.description ?? i.url ?? i).slice(0, 160));
        console.log(`    ${c}: ${audit.id} ${Math.round(100 * audit.score)} ${audit.displayValue ?? ''} ${items.join(' ')}`);
      }
    }
  }
}
