// How long people wait. The figures of docs/performance.md are measured by `npm run bench:charts`, with more steps than here.

import { firstTrace } from './charts/firsttrace.mjs';
import { latencies } from './charts/latency.mjs';
import { expect, test, took } from './world.ts';

test("from a device's send to the pixel at high", async ({ page, world }) => {
  const list = (await latencies(page, world.program.url, 20)).sort((a, b) => a - b);
  expect(list.length, 'the page draws what the device sends').toBeGreaterThanOrEqual(18); // the first and the last may be cut off
  took('from the send to the pixel, p95', list[Math.floor(0.95 * list.length)]!, 100, `of ${list.length}; median ${list[list.length >> 1]} ms`);
});

test('from a navigation to the first trace', async ({ browser, world }) => {
  world.simulate(6, 'vitals');
  await expect.poll(async () => (await fetch(`${world.program.url}/api/v1/sensors`)).text()).toContain('sim-6');
  for (const [what, path] of [['lobby', '/'], ['sensor', '/sensors/sim-1']] as const) {
    took(`first trace, ${what}`, await firstTrace(await world.context(browser), world.program.url + path), 1000);
  }
});
