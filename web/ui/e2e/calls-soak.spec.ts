// A call that lasts, beside sensors that stream: neither the server nor the pages grow.

import { readFileSync } from 'node:fs';
import type { Browser, CDPSession } from '@playwright/test';
import { join, plays, shareVitals, tile } from './calling-app.ts';
import { Caller, fakeDevices, roomOf, turnServer } from './calling.ts';
import { expect, test, type World } from './world.ts';

test.use({ launchOptions: fakeDevices, trace: 'off', flags: async ({}, use) => use(await turnServer()) }); // a trace would grow

const minutes = Number(process.env['CALL_MINUTES'] ?? 0.5);
const samples = Math.max(9, Math.min(60, Math.round(minutes))); // the first third warms up, the others are compared

/** What must not grow, and by how much the median of the last third may be above that of the second. */
const bounds = {
  'server RSS MiB': 32,
  'server heap MiB': 24,
  'samples MiB': Infinity, // in memory, up to the bounds of the tiers: part of the heap
  'server goroutines': 8,
  'server files': 6,
  'TURN allocations': 0,
  'browser MiB': 48,
  'Ada heap MiB': 3,
  'Ada nodes': 100,
  'Ada listeners': 50,
  'Ada connections': 0,
  'Bob heap MiB': 3,
  'Bob nodes': 100,
  'Bob listeners': 50,
  'Bob connections': 0,
} as const;
type Sample = Record<keyof typeof bounds, number>;

async function ofServer({ program }: World) {
  const text = await (await fetch(`${program.url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return {
    'server RSS MiB': value('process_resident_memory_bytes') / 2 ** 20,
    'server heap MiB': value('go_memstats_heap_inuse_bytes') / 2 ** 20,
    'samples MiB': (value('sensocto_store_bytes{tier="hot"}') + value('sensocto_store_bytes{tier="warm"}')) / 2 ** 20,
    'server goroutines': value('go_goroutines'),
    'server files': value('process_open_fds'),
    'TURN allocations': value('sensocto_turn_allocations'),
  };
}

/** What a page holds once its garbage is collected. */
async function ofPage<Name extends string>(name: Name, { page }: Caller, devtools: CDPSession) {
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const value = (metric: string) => metrics.find((m) => m.name === metric)?.value ?? NaN;
  return {
    [`${name} heap MiB`]: value('JSHeapUsedSize') / 2 ** 20,
    [`${name} nodes`]: value('Nodes'),
    [`${name} listeners`]: value('JSEventListeners'),
    [`${name} connections`]: await page.evaluate(() => window.connections.length),
  } as Record<`${Name} ${'heap MiB' | 'nodes' | 'listeners' | 'connections'}`, number>;
}

/** The memory of all processes of a browser: media are not in the heaps of its pages. */
async function ofBrowser(browser: Browser) {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = (await devtools.send('SystemInfo.getProcessInfo')) as { processInfo: { id: number }[] };
  await devtools.detach();
  const kib = processInfo.map(({ id }) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1]));
  return { 'browser MiB': kib.reduce((sum, n) => sum + n, 0) / 1024 };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const rounded = (value: number) => Math.round(value * 10) / 10;

test('a call that lasts, beside sensors that stream: nothing grows', async ({ browser, world }, info) => {
  test.setTimeout(minutes * 60_000 + 300_000);
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  for (const caller of [ada, bob]) {
    await shareVitals(world, caller, room);
    await caller.context.addInitScript(() => (window.relayed = true));
  }
  world.simulate(3, 'vitals');
  await join(ada, room);
  await join(bob, room);
  const flows = async () => {
    for (const [caller, other] of [[ada, 'Bob'], [bob, 'Ada']] as const) {
      await expect.poll(() => plays(caller, other)).toBe(true);
      await expect(tile(caller, other).getByText(/trace [\d.]+s old/)).toBeVisible(); // of a sensor that sends
    }
  };
  await flows();
  const devtools = await Promise.all([ada, bob].map((caller) => caller.context.newCDPSession(caller.page)));
  for (const session of devtools) for (const domain of ['HeapProfiler', 'Performance'] as const) await session.send(`${domain}.enable`);

  const taken: Sample[] = [];
  for (const began = Date.now(); taken.length < samples; ) {
    await ada.page.waitForTimeout(Math.max(0, began + ((taken.length + 1) * minutes * 60_000) / samples - Date.now()));
    await flows();
    const sample: Sample = { ...(await ofServer(world)), ...(await ofBrowser(browser)), ...(await ofPage('Ada', ada, devtools[0]!)), ...(await ofPage('Bob', bob, devtools[1]!)) };
    taken.push(sample);
    console.log(`${rounded((Date.now() - began) / 60_000)} min: ${Object.entries(sample).map(([what, n]) => `${what} ${rounded(n)}`).join(', ')}`);
  }
  const third = Math.floor(samples / 3);
  const middle = (what: keyof Sample, from: number, to?: number) => median(taken.slice(from, to).map((s) => s[what]));
  const grown: string[] = [];
  for (const [what, bound] of Object.entries(bounds) as [keyof Sample, number][]) {
    const [before, after] = [middle(what, third, 2 * third), middle(what, 2 * third)];
    const description = `${rounded(taken[0]![what])} at first, ${rounded(before)} before, ${rounded(after)} after`;
    info.annotations.push({ type: what, description });
    console.log(`${what}: ${description}`);
    if (!(after - before <= bound)) grown.push(`${what}: ${description}`); // what is not a number is not known
  }
  expect(grown, `in ${minutes} minutes`).toEqual([]);
  expect(taken.at(-1)!['Ada connections']).toBe(1); // the first link lasted
});
