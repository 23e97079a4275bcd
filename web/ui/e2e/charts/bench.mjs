// npm run bench:charts [seconds]: what sweeping traces and steps of zoom cost in Chromium. It prints figures and
// asserts nothing. The second part needs bin/sensocto: make build.
import { readFileSync } from 'node:fs';
import { chromium } from '@playwright/test';
import { servePage } from './serve.mjs';
import { withServer } from './server.mjs';

const seconds = Number(process.argv[2] ?? 60);
const TICKS_PER_SECOND = 100;

/** CPU seconds that the processes used, from /proc. */
function cpu(pids) {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }, 0);
}
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? NaN;

async function sweeps() {
  const page = await servePage();
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  const tab = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  tab.on('pageerror', (e) => console.error(e.message));
  await tab.goto(page.url);
  await tab.waitForFunction(() => window.ready);
  await tab.evaluate(() => window.sweeps(16, 512, 10));
  const session = await browser.newBrowserCDPSession();
  const devtools = await tab.context().newCDPSession(tab);
  await devtools.send('HeapProfiler.enable');
  const heap = async () => {
    await devtools.send('HeapProfiler.collectGarbage');
    return (await devtools.send('Runtime.getHeapUsage')).usedSize;
  };
  await tab.waitForTimeout(3000);
  const before = await heap();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const pids = processInfo.filter((p) => p.type === 'renderer' || p.type === 'GPU').map((p) => p.id);
  await tab.evaluate(() => (window.figures.frames.length = window.figures.longTasks.length = 0));
  const [cpu0, began] = [cpu(pids), performance.now()];
  await tab.waitForTimeout(seconds * 1000);
  const elapsed = (performance.now() - began) / 1000;
  const used = cpu(pids) - cpu0;
  const { frames, longTasks } = await tab.evaluate(() => ({ ...window.figures }));
  const after = await heap();
  console.log(`16 traces × 512 Hz × 10 s, ${elapsed.toFixed(0)} s, ${(frames.length / elapsed).toFixed(1)} frames/s`);
  console.log(`script a frame   median ${quantile(frames, 0.5).toFixed(2)} ms, p95 ${quantile(frames, 0.95).toFixed(2)} ms, greatest ${Math.max(...frames).toFixed(2)} ms`);
  console.log(`renderer and GPU process   ${((100 * used) / elapsed).toFixed(0)} % of a core`);
  console.log(`long tasks   ${longTasks.length}${longTasks.length > 0 ? `, greatest ${Math.max(...longTasks).toFixed(0)} ms` : ''}`);
  console.log(`heap after collection   ${(before / 1e6).toFixed(2)} MB, then ${(after / 1e6).toFixed(2)} MB`);
  await browser.close();
  await page.close();
}

await sweeps();
await withServer();
