// What needs a real server: the latency, the first trace, the lobby, and steps of zoom from a minute to a year, over a year of 1 Hz and a day of 512 Hz in a
// real server: from the key to the frame in which all on the screen is as fine as it gets. It prints figures and asserts nothing.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { firstTrace } from './firsttrace.mjs';
import { latencies } from './latency.mjs';
import { lobby } from './lobby.mjs';

const binary = new URL('../../../../bin/sensocto', import.meta.url).pathname;

/** Writes an EDF file with one signal of 16 bits, in records of so many seconds. */
function edf(path, label, unit, rate, seconds, record, start, range, value) {
  const field = (text, width) => String(text).padEnd(width).slice(0, width);
  const two = (n) => String(n).padStart(2, '0');
  const date = [start.getUTCDate(), start.getUTCMonth() + 1, start.getUTCFullYear() % 100].map(two).join('.');
  const time = [start.getUTCHours(), start.getUTCMinutes(), start.getUTCSeconds()].map(two).join('.');
  const fixed = field('0', 8) + field('X X X X', 80) + field('X', 80) + field(date, 8) + field(time, 8) + field(512, 8) + field('', 44);
  const signal = field(label, 16) + field('', 80) + field(unit, 8) + field(range[0], 8) + field(range[1], 8) + field(-32768, 8) + field(32767, 8);
  const file = openSync(path, 'w');
  writeSync(file, fixed + field(seconds / record, 8) + field(record, 8) + field(1, 4) + signal + field('', 80) + field(rate * record, 8) + field('', 32));
  const block = new Int16Array(rate * record);
  for (let r = 0; r < seconds / record; r++) {
    for (let i = 0; i < block.length; i++) block[i] = Math.round(((value(r * block.length + i) - range[0]) / (range[1] - range[0])) * 65535 - 32768);
    writeSync(file, new Uint8Array(block.buffer));
  }
  closeSync(file);
}

const run = (args) => new Promise((resolve, reject) => spawn(binary, args, { stdio: 'ignore' }).once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args[0]}: ${code}`)))));

async function serve(dir) {
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(dir, 'data'), '--guests', 'view,ingest'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const url = await new Promise((resolve) => child.stdout.once('data', (text) => resolve(String(text).match(/http:\S+/)[0])));
  return { url, stop: () => new Promise((done) => (child.once('exit', done), child.kill('SIGTERM'))) };
}

/** Zooms out from a minute to a year and in again; returns ms until each step was drawn from all that it needs. */
async function steps(tab) {
  const chart = tab.locator('[aria-roledescription=chart]');
  await chart.focus();
  await tab.getByRole('combobox', { name: 'Time shown' }).selectOption({ value: '60000' });
  await tab.waitForTimeout(1500);
  const times = [];
  for (const key of [...Array(19).fill('-'), ...Array(19).fill('+')]) {
    await chart.press(key);
    times.push(await tab.evaluate(() => window.step));
    await tab.waitForTimeout(250);
  }
  return times;
}

/** In the page: from a key to the end of the next frame, and to that of the frame in which all on the screen is as fine as it gets. */
function probe() {
  const frame = () => new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
  const measure = async (chart) => {
    const began = performance.now();
    await frame();
    const first = performance.now() - began;
    while (chart.dataset.history !== 'complete' && performance.now() < began + 3000) await frame();
    return { first, finest: performance.now() - began };
  };
  addEventListener('keydown', (e) => (window.step = measure(e.target)), true);
}

/** How long it takes from a navigation to a trace on the screen, in a browser that was never there. */
async function firstTraces(browser, url) {
  for (const [what, path] of [['lobby', '/'], ['sensor', '/sensors/first-1']]) {
    const times = [];
    for (let i = 0; i < 5; i++) {
      const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
      times.push(await firstTrace(context, url + path));
      await context.close();
    }
    console.log(`first trace on the screen, ${what}   median ${quantile(times, 0.5).toFixed(0)} ms, greatest ${Math.max(...times).toFixed(0)} ms`);
  }
}

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

export async function withServer() {
  const dir = mkdtempSync(join(tmpdir(), 'sensocto-bench-'));
  const server = await serve(dir);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const day = 86_400;
    edf(join(dir, 'day.edf'), 'ecg', 'mV', 512, day, 10, new Date(now - day * 1000 - 60_000), [-5, 5], (i) => Math.sin(i / 40) + ((i * 1.2) % 512 < 8 ? 1.5 : 0));
    edf(join(dir, 'year.edf'), 'heartrate', 'bpm', 1, 365 * day, 3600, new Date(now - 365 * day * 1000 - 60_000), [0, 250], (i) => 65 + 12 * Math.sin(i / 13_750) + 5 * Math.sin(i / 97));
    for (const id of ['day', 'year']) await run(['import', join(dir, `${id}.edf`), '--sensor-id', id, '--server', server.url]);
    for (const [id, what] of [['day', 'a day of 512 Hz'], ['year', 'a year of 1 Hz']]) {
      const tab = await browser.newPage({ viewport: { width: 1400, height: 900 } });
      await tab.addInitScript(probe);
      await tab.goto(`${server.url}/sensors/${id}`);
      await tab.getByRole('button', { name: 'Pause' }).waitFor();
      const times = await steps(tab);
      const [first, finest] = [times.map((t) => t.first), times.map((t) => t.finest)];
      const ms = (list) => `median ${quantile(list, 0.5).toFixed(0)} ms, p95 ${quantile(list, 0.95).toFixed(0)} ms, greatest ${Math.max(...list).toFixed(0)} ms`;
      console.log(`zoom from a minute to a year and back, ${what}, ${times.length} steps`);
      console.log(`  something drawn   ${ms(first)}`);
      console.log(`  all on the screen as fine as it gets   ${ms(finest)}`);
      await tab.close();
    }
    const tab = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const list = await latencies(tab, server.url, 60);
    console.log(`from a device's send to the pixel at high, ${list.length} steps   median ${quantile(list, 0.5)} ms, p95 ${quantile(list, 0.95)} ms, greatest ${Math.max(...list)} ms`);
    await tab.close();
    const few = spawn(binary, ['simulate', '--server', server.url, '--sensors', '6', '--scenario', 'vitals', '--prefix', 'first', '--quiet'], { stdio: 'ignore' });
    try {
      await new Promise((r) => setTimeout(r, 3000));
      await firstTraces(browser, server.url);
    } finally {
      few.kill('SIGKILL');
    }
    await lobby(browser, binary, server.url, 15);
  } finally {
    await browser.close();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
