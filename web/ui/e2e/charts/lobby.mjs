// The lobby with 500 sensors of 64 Hz, 8 of them pinned and so at high, the others at medium or low: what its script costs a
// frame while it stands still, and while somebody scrolls through all of it. From the trace of Chromium, in processor time
// of the page's main thread, which other programs on the machine do not change.
import { spawn } from 'node:child_process';

const SENSORS = 500;
const PINNED = 8;
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? NaN;

export async function lobby(browser, binary, url, seconds) {
  // Several programs: a server takes 256 connections of one address that have not joined yet.
  const programs = Array.from({ length: SENSORS / 100 }, (_, i) => spawn(binary, ['simulate', '--server', url, '--sensors', '100', '--scenario', 'ecg', '--rate', '64', '--prefix', `tile${i}`, '--quiet'], { stdio: 'ignore' }));
  const tab = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  try {
    const pinned = Array.from({ length: PINNED }, (_, i) => `tile0-${i + 1}`);
    await tab.addInitScript((pinned) => localStorage.setItem('sensocto.lobby', JSON.stringify({ pinned, welcomed: true, density: 'compact' })), pinned);
    await tab.goto(url);
    await tab.getByText(new RegExp(`^${SENSORS / 100}\\d\\d sensors$`)).waitFor({ timeout: 60_000 }); // there are some others
    await tab.getByRole('heading', { name: `Pinned ${PINNED}` }).waitFor();
    await tab.waitForTimeout(10_000); // traces are there, programs compiled
    report('stands still', await traced(browser, tab, () => tab.waitForTimeout(1000 * seconds)));
    report('is scrolled through', await traced(browser, tab, () => scroll(tab, seconds)));
  } finally {
    for (const p of programs) p.kill('SIGKILL');
    await tab.close();
  }
}

/** Down and up again with the wheel, 60 steps a second as a touch pad does. */
async function scroll(tab, seconds) {
  await tab.mouse.move(700, 500);
  const end = performance.now() + 1000 * seconds;
  for (let n = 0, by = 90; performance.now() < end; n++, by = n % 120 < 60 ? 90 : -90) {
    await tab.mouse.wheel(0, by);
    await tab.waitForTimeout(16);
  }
}

/** Tasks and script of the main thread while something is done, in ms. */
async function traced(browser, tab, act) {
  await browser.startTracing(tab, { categories: ['devtools.timeline', 'v8', 'toplevel'] });
  await act();
  const events = JSON.parse(String(await browser.stopTracing())).traceEvents;
  const frame = events.find((e) => e.name === 'FireAnimationFrame');
  const main = events.filter((e) => e.ph === 'X' && e.pid === frame?.pid && e.tid === frame?.tid).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const frames = main.filter((e) => e.name === 'FireAnimationFrame').map((e) => e.ts);
  const script = main.filter((e) => e.name === 'v8.callFunction' || e.name === 'RunMicrotasks' || e.name === 'BlinkScheduler_PerformMicrotaskCheckpoint');
  const perFrame = frames.map(() => 0);
  let [i, end] = [0, 0];
  for (const e of script) {
    if (e.ts < end) continue; // inside of another
    end = e.ts + e.dur;
    while (i + 1 < frames.length && frames[i + 1] <= e.ts) i++;
    if (frames.length > 0 && e.ts >= frames[0]) perFrame[i] += (e.tdur ?? 0) / 1000;
  }
  const tasks = main.filter((e) => /RunTask$/.test(e.name));
  return { frames: perFrame, long: tasks.filter((e) => (e.tdur ?? 0) > 50_000).length, greatest: Math.max(...tasks.map((e) => (e.tdur ?? 0) / 1000)), slow: tasks.filter((e) => e.dur > 50_000).length };
}

function report(what, { frames, long, greatest, slow }) {
  console.log(`lobby of ${SENSORS} tiles, ${PINNED} at high, that ${what}: ${frames.length} frames`);
  console.log(`  script a frame   median ${quantile(frames, 0.5).toFixed(2)} ms, p95 ${quantile(frames, 0.95).toFixed(2)} ms, greatest ${Math.max(...frames).toFixed(1)} ms`);
  console.log(`  tasks of more than 50 ms of processor time   ${long}; greatest ${greatest.toFixed(0)} ms; by the clock, with what others took ${slow}`);
}
