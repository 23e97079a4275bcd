// A call between two machines: a browser in a network namespace, whose cable is cut.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { Caller, fakeDevices, roomOf } from './calling.ts';
import { expect, openServer, test as base } from './world.ts';

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Another machine, with a cable to this one. */
interface Machine {
  /** This machine, as the other one sees it. */
  here: string;
  /** The browser of the other machine, once it may be asked to treat the server as https. */
  executable: string;
  cut(): void;
  mend(): void;
}

const test = base.extend<{ machine: Machine | undefined }>({
  machine: async ({}, use) => {
    const n = process.pid % 250;
    const [ns, near, far, net] = [`sensocto-call-${process.pid}`, `sch${process.pid}`.slice(0, 15), `sct${process.pid}`.slice(0, 15), `10.206.${n}`];
    const dir = mkdtempSync(join(tmpdir(), 'sensocto-call-'));
    const executable = join(dir, 'chromium');
    let machine: Machine | undefined;
    try {
      ip('netns', 'add', ns);
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', ns);
      ip('addr', 'add', `${net}.1/24`, 'dev', near);
      ip('link', 'set', near, 'up');
      ip('-n', ns, 'addr', 'add', `${net}.2/24`, 'dev', far);
      ip('-n', ns, 'link', 'set', 'lo', 'up');
      ip('-n', ns, 'link', 'set', far, 'up');
      writeFileSync(executable, `#!/bin/sh\nexec ip netns exec ${ns} ${fakeDevices.executablePath} "$@"\n`, { mode: 0o755 });
      machine = { here: `${net}.1`, executable, cut: () => ip('-n', ns, 'link', 'set', far, 'down'), mend: () => ip('-n', ns, 'link', 'set', far, 'up') };
    } catch {
      machine = undefined;
    }
    await use(machine);
    for (const args of [['netns', 'del', ns], ['link', 'del', near]]) {
      try {
        ip(...args);
      } catch {
        continue; // it went with the other
      }
    }
    rmSync(dir, { recursive: true, force: true });
  },
  flags: async ({ machine }, use) => use(machine ? ['--registration', 'open', '--listen', `${machine.here}:0`] : openServer),
});

/** Waits until pictures arrive: until there are more than a moment before. */
async function moves(caller: Caller): Promise<void> {
  let before = Infinity;
  const more = async () => {
    const { frames } = (await caller.arrived())[0] ?? { frames: 0 };
    const grew = frames > before;
    before = frames;
    return grew;
  };
  await expect.poll(more, { intervals: [50], timeout: 60_000 }).toBe(true);
}

test('the network is away for five seconds: media are back soon after it', async ({ machine, world }, info) => {
  test.skip(!machine, 'needs ip (Debian: apt install iproute2) and to be root, to make a network namespace');
  const url = world.program.url;
  const launch = (executablePath: string | undefined) =>
    chromium.launch({ ...fakeDevices, ...(executablePath && { executablePath }), args: [...fakeDevices.args, `--unsafely-treat-insecure-origin-as-secure=${url}`] });
  const [here, there] = [await launch(undefined), await launch(machine!.executable)];
  world.onEnd(() => Promise.all([here.close(), there.close()]));
  const [ada, bob] = [await Caller.signUp(here, world, 'Ada'), await Caller.signUp(there, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);

  for (const away of [5000, 12_000]) {
    machine!.cut();
    await ada.page.waitForTimeout(away);
    await expect.poll(async () => (await ada.arrived())[0]?.state, { message: 'it is told that media stopped' }).toBe('interrupted');
    machine!.mend();
    const began = Date.now();
    await Promise.all([ada, bob].map(moves));
    const took = Date.now() - began;
    info.annotations.push({ type: 'media after the network', description: `${took} ms, which was away for ${away} ms` });
    console.log(`media ${info.annotations.at(-1)?.description}`);
    await ada.seesAndHears(bob);
    await bob.seesAndHears(ada);
    if (away === 5000) expect(took).toBeLessThan(3000);
  }
});
