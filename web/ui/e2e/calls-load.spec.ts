// Calls of as many as there may be, on one machine.

import type { Browser } from '@playwright/test';
import type { CallOptions } from '../../client/src/index.ts';
import { Caller, fakeDevices, roomOf, turnServer } from './calling.ts';
import { expect, idle, test, type World } from './world.ts';

test.use({ launchOptions: fakeDevices, trace: 'off' }); // a trace takes pictures of eight pages all the time

const wantsIdle = 'eight browsers with 56 pictures want an idle machine: set SENSOCTO_TEST_IDLE=1';

/** Everybody in a call sees everybody, and hears who speaks, one after the other: who does not has the microphone off. */
async function eight(browser: Browser, world: World, options: CallOptions = {}): Promise<Caller[]> {
  const names = ['Ada', 'Bob', 'Eve', 'Kim', 'Lea', 'Max', 'Noa', 'Tom'];
  const callers: Caller[] = [];
  for (const name of names) callers.push(await Caller.signUp(browser, world, name));
  const [ada, ...others] = callers as [Caller, ...Caller[]];
  const room = await roomOf(ada, ...others);
  const mute = ({ page }: Caller, muted: boolean) => page.evaluate((muted) => window.call.mute('audio', muted), muted);
  for (const caller of callers) {
    await caller.join(room, { upload: 1_000_000, ...options }, { width: 160, frameRate: 5 }); // 56 pictures on one machine
    await mute(caller, true);
  }
  for (const caller of callers) await caller.sees(...callers.filter((c) => c !== caller));
  for (const speaker of callers) {
    await mute(speaker, false);
    for (const caller of callers) if (caller !== speaker) await caller.hears(speaker);
    await mute(speaker, true);
  }
  return callers;
}

test('eight see and hear each other', async ({ browser, world }) => {
  test.skip(!idle, wantsIdle);
  test.setTimeout(600_000);
  await eight(browser, world);
});

test.describe('over the TURN server in the program alone', () => {
  test.use({ flags: async ({}, use) => use(await turnServer()) });

  test('eight see and hear each other', async ({ browser, world }) => {
    test.skip(!idle, wantsIdle);
    test.setTimeout(600_000);
    for (const caller of await eight(browser, world, { iceTransportPolicy: 'relay' })) {
      expect((await caller.arrived()).map((a) => a.relayed)).toEqual(Array(7).fill(true));
    }
  });
});
