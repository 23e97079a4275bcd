// Calls of as many as there may be, on one machine.

import type { Browser } from '@playwright/test';
import type { CallOptions } from '../../client/src/call/call.ts';
import { Caller, fakeDevices, roomOf, turnServer } from './calling.ts';
import { expect, idle, test, type World } from './world.ts';

test.use({ launchOptions: fakeDevices, trace: 'off' }); // a trace takes pictures of eight pages all the time

const wantsIdle = 'eight browsers with 56 pictures want an idle machine: set SENSOCTO_TEST_IDLE=1';

/** Everybody in a call sees and hears everybody. */
async function eight(browser: Browser, world: World, options: CallOptions = {}): Promise<Caller[]> {
  const names = ['Ada', 'Bob', 'Eve', 'Kim', 'Lea', 'Max', 'Noa', 'Tom'];
  const callers: Caller[] = [];
  for (const name of names) callers.push(await Caller.signUp(browser, world, name));
  const [ada, ...others] = callers as [Caller, ...Caller[]];
  const room = await roomOf(ada, ...others);
  for (const caller of callers) {
    await caller.join(room, { upload: 1_000_000, ...options }, { width: 160, frameRate: 5 }); // 56 pictures on one machine
  }
  for (const caller of callers) await caller.seesAndHearsWithin(120_000, ...callers.filter((c) => c !== caller));
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
