// A call between two machines: a browser in a network namespace, whose cable is cut.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { type Arrived, Caller, fakeDevices, moves, roomOf } from './calling.ts';
import { expect, openServer, test as base, took } from './world.ts';

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Another machine, with a cable to this one. */
interface Machine {
  /** This machine, as the other one sees it. */
  here: string;
  /** The browser of the other machine, once it may be asked to treat the server as https. */
  executable: string;
  /** Packets are lost on the way, or the cable is pulled out. */
  lose(lost: boolean): void;
  pull(out: boolean): void;
}

const test = base.extend<{ machine: Machine | undefined }>({
  machine: async ({}, use) => {
    const n = process.pid % 250;
    const [ns, router] = [`sensocto-call-${process.pid}`, `sensocto-way-${process.pid}`];
    const [near, way, back, far] = ['a', 'b', 'c', 'd'].map((end) => `sc${end}${process.pid}`) as [string, string, string, string];
    const [here, there] = [`10.206.${n}`, `10.207.${n}`];
    const dir = mkdtempSync(join(tmpdir(), 'sensocto-call-'));
    const executable = join(dir, 'chromium');
    let machine: Machine | undefined;
    try {
      ip('netns', 'add', ns);
      ip('netns', 'add', router);
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', way, 'netns', router);
      ip('-n', router, 'link', 'add', back, 'type', 'veth', 'peer', 'name', far, 'netns', ns);
      ip('addr', 'add', `${here}.1/24`, 'dev', near);
      ip('-n', router, 'addr', 'add', `${here}.2/24`, 'dev', way);
      ip('-n', router, 'addr', 'add', `${there}.1/24`, 'dev', back);
      ip('-n', ns, 'addr', 'add', `${there}.2/24`, 'dev', far);
      ip('link', 'set', near, 'up');
      for (const link of [way, back]) ip('-n', router, 'link', 'set', link, 'up');
      for (const link of ['lo', far]) ip('-n', ns, 'link', 'set', link, 'up');
      ip('route', 'add', `${there}.0/24`, 'via', `${here}.2`);
      const arrive = () => ip('-n', ns, 'route', 'replace', 'default', 'via', `${there}.1`);
      arrive();
      ip('netns', 'exec', router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
      writeFileSync(executable, `#!/bin/sh\nexec ip netns exec ${ns} ${fakeDevices.executablePath} "$@"\n`, { mode: 0o755 });
      machine = {
        here: `${here}.1`,
        executable,
        lose: (lost) => [`${here}.1/32`, `${there}.2/32`].forEach((to) => ip('-n', router, 'route', lost ? 'add' : 'del', 'blackhole', to)),
        pull: (out) => {
          ip('-n', ns, 'link', 'set', far, out ? 'down' : 'up');
          if (!out) arrive();
        },
      };
    } catch {
      machine = undefined;
    }
    await use(machine);
    for (const args of [['netns', 'del', ns], ['netns', 'del', router], ['link', 'del', near]]) {
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

test('the network is away for five seconds: media are back after it', async ({ machine, world }) => {
  test.skip(!machine, 'needs ip (Debian: apt install iproute2) and to be root, to make a network namespace');
  const url = world.program.url;
  // With loopback among the networks Chromium would wait for up to 4 s until it knows the new one; with none it takes what the system has.
  const args = fakeDevices.args.filter((arg) => arg !== '--allow-loopback-in-peer-connection');
  const launch = async (executablePath: string | undefined) => {
    const browser = await chromium.launch({ ...fakeDevices, ...(executablePath && { executablePath }), args: [...args, `--unsafely-treat-insecure-origin-as-secure=${url}`] });
    world.onEnd(() => browser.close());
    return browser;
  };
  const [here, there] = [await launch(undefined), await launch(machine!.executable)];
  const [ada, bob] = [await Caller.signUp(here, world, 'Ada'), await Caller.signUp(there, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);

  /** What has come to each so far. */
  const flow = () =>
    Promise.all([ada, bob].map(async (caller) => {
      const [{ frames, soundPackets }] = (await caller.arrived()) as [Arrived];
      return { frames, soundPackets };
    }));
  const stateAt = async (caller: Caller) => (await caller.arrived())[0]?.state;

  machine!.lose(true);
  for (const caller of [ada, bob]) await expect.poll(() => stateAt(caller), { message: `${caller.name} reads that the link is interrupted`, timeout: 30_000 }).toBe('interrupted');
  machine!.lose(false);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);

  for (const how of ['lose', 'pull', 'pull', 'pull', 'pull'] as const) {
    machine![how](true);
    await ada.page.waitForTimeout(3000);
    const gone = await flow();
    await ada.page.waitForTimeout(2000);
    expect(await flow(), `nothing flows, ${how}`).toEqual(gone);
    const states = (await Promise.all([ada, bob].map(stateAt))).join(', '); // browsers may take longer to notice
    machine![how](false);
    const began = Date.now();
    const after = async (what: 'frames' | 'soundPackets') => {
      await Promise.all([ada, bob].map((caller) => moves(caller, what)));
      return Date.now() - began;
    };
    const [pictures, sound] = await Promise.all([after('frames'), after('soundPackets')]);
    await ada.seesAndHears(bob);
    await bob.seesAndHears(ada);
    took(`pictures after the network, ${how}`, pictures, 3000, states);
    took(`sound after the network, ${how}`, sound, 3000, states);
  }
});
