import { AxeBuilder } from '@axe-core/playwright';
import { createSocket } from 'node:dgram';
import { bundledExample, Caller, fakeDevices, roomOf } from './calling.ts';
import { expect, openServer, test } from './world.ts';

test.use({ launchOptions: fakeDevices });

test('two and three see and hear each other, and who leaves is gone', async ({ browser, world }) => {
  const [ada, bob, eve] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob'), await Caller.signUp(browser, world, 'Eve')];
  const room = await roomOf(ada, bob, eve);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);

  await eve.join(room);
  await ada.seesAndHears(bob, eve);
  await bob.seesAndHears(ada, eve);
  await eve.seesAndHears(ada, bob);

  await eve.leave();
  await expect.poll(async () => (await ada.arrived()).map((a) => a.name)).toEqual(['Bob']);
  await ada.seesAndHears(bob);
});

test('tracks that are muted, taken away, replaced and added arrive so', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  const bobsMedia = () => ada.page.evaluate(() => [...window.call.peers.values()][0]?.media);
  expect(await bobsMedia()).toEqual({ audio: true, video: true, screen: false });

  await bob.page.evaluate(() => {
    window.call.mute('audio', true);
    window.call.setTrack('video', null);
  });
  await expect.poll(bobsMedia).toEqual({ audio: false, video: false, screen: false });
  const frames = async () => (await ada.arrived())[0]!.frames;
  let before = -1;
  await expect.poll(async () => before === (before = await frames()), { intervals: [500] }).toBe(true); // the picture stands

  await bob.page.evaluate(async () => {
    const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    window.call.mute('audio', false);
    window.call.setTrack('video', media.getVideoTracks()[0]!);
    const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 300 });
    const draw = canvas.getContext('2d')!;
    setInterval(() => draw.fillRect(Math.random() * 400, 0, 9, 9), 50);
    window.call.setTrack('screen', canvas.captureStream(10).getVideoTracks()[0]!);
  });
  await expect.poll(bobsMedia).toEqual({ audio: true, video: true, screen: true });
  await ada.seesAndHears(bob);
  const screenWidth = () =>
    ada.page.evaluate(() => {
      const id = 'screen';
      const video = (document.getElementById(id) as HTMLVideoElement | null) ?? Object.assign(document.createElement('video'), { id, autoplay: true });
      video.srcObject ??= [...window.call.peers.values()][0]!.screen;
      document.body.append(video);
      return video.videoWidth;
    });
  await expect.poll(screenWidth).toBe(400);
});

test('offers at once, from both sides again and again, do no harm', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  const both = [ada, bob];
  await Promise.all(both.map(({ page }) => page.evaluate(() => {
    window.glares = 0;
    for (const c of window.connections) c.addEventListener('signalingstatechange', () => c.signalingState === 'have-remote-offer' && window.glares++);
  })));
  for (let i = 0; i < 8; i++) {
    await Promise.all(both.map(({ page }) => page.evaluate(() => window.connections.at(-1)!.restartIce())));
    await ada.page.waitForTimeout(i * 20); // fewer than the server takes in a second
  }
  const offers = await Promise.all(both.map(({ page }) => page.evaluate(() => window.glares)));
  expect(offers[0]! + offers[1]!).toBeGreaterThan(0); // negotiations did take place
  await expect.poll(() => Promise.all(both.map(({ page }) => page.evaluate(() => window.connections.at(-1)!.signalingState)))).toEqual(['stable', 'stable']);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);
});

test('the example of docs/calls.md, on both sides', async ({ browser, world }) => {
  const [ada, bob, eve] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob'), await Caller.signUp(browser, world, 'Eve')];
  const room = await roomOf(ada, bob, eve);
  const example = await bundledExample();
  const joinExample = async ({ page }: Caller) => {
    await page.evaluate(example);
    await page.evaluate(async (roomId) => {
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 15 } });
      const onPeer = (peer: { peer_id: string }, stream: MediaStream) =>
        document.body.append(Object.assign(document.createElement('video'), { id: peer.peer_id, autoplay: true, srcObject: stream }));
      const onLeft = (id: string) => document.getElementById(id)?.remove();
      window.leave = window.example.joinCall({ server: location.origin, roomId, media, onPeer, onLeft });
    }, room);
  };
  /** How many peers the example shows with pictures that go on and sound. */
  const shown = ({ page }: Caller) =>
    page.evaluate(async () => {
      let n = 0;
      for (const c of window.connections) {
        const kinds = new Set<string>();
        (await c.getStats()).forEach((s) => s.type === 'inbound-rtp' && (s.framesDecoded > 10 || s.totalAudioEnergy > 1e-5) && kinds.add(s.kind));
        if (kinds.size === 2) n++;
      }
      return n;
    });
  await joinExample(ada);
  await bob.join(room); // offers to the example
  await bob.seesAndHears(ada);
  await joinExample(eve); // offers to both
  await bob.seesAndHears(ada, eve);
  await expect.poll(() => shown(ada)).toBe(2);
  await expect.poll(() => shown(eve)).toBe(2);
  await ada.page.evaluate(() => window.leave());
  await expect.poll(async () => (await bob.arrived()).map((a) => a.name)).toEqual(['Eve']);
  await expect(eve.page.locator('video')).toHaveCount(1);
});

test('the server goes away and comes back: the call goes on', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  await world.program.kill();
  const state = () => ada.page.evaluate(() => window.call.state);
  await expect.poll(state).toBe('reconnecting');
  await ada.seesAndHears(bob); // media need no server
  await world.program.start();
  await expect.poll(state).toBe('joined');
  await expect.poll(() => ada.page.evaluate(() => window.call.peers.size)).toBe(1);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);
});

test('a member who is removed is seen and heard no more', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  await ada.api('DELETE', `/rooms/${room}/members/${bob.id}`);
  await expect.poll(() => ada.page.evaluate(() => [window.call.peers.size, window.connections.filter((c) => c.signalingState !== 'closed').length])).toEqual([0, 0]);
  await expect.poll(() => bob.page.evaluate(() => [window.ended?.reason, window.call.state, window.call.peers.size])).toEqual(['ClosedError', 'ended', 0]);
  await bob.join(room);
  expect(await bob.page.evaluate(() => window.ended?.reason)).toBe('unauthorized');
});

test('from joining to media, again and again', async ({ browser, world }, info) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  const took: number[] = [];
  for (let i = 0; i < 20; i++) {
    await bob.join(room);
    await expect.poll(() => bob.page.evaluate(() => window.mediaAfter)).toBeDefined();
    took.push((await bob.page.evaluate(() => window.mediaAfter))!);
    await bob.leave();
  }
  took.sort((a, b) => a - b);
  info.annotations.push({ type: 'join to picture', description: `median ${took[10]!.toFixed(0)} ms, p95 ${took[18]!.toFixed(0)} ms of ${took.length}` });
  console.log(info.annotations.at(-1)?.description);
});

test.describe('in the app', () => {
  const bar = ({ page }: Caller) => page.getByRole('region', { name: 'Call' });
  const button = (caller: Caller, name: string) => bar(caller).getByRole('button', { name });
  const tile = (caller: Caller, name: string) => bar(caller).getByRole('listitem', { name, exact: true });

  /** Opens the room, tries the devices and joins, with the keyboard alone. */
  async function join(caller: Caller, room: string): Promise<void> {
    await caller.page.goto(new URL(`/rooms/${room}`, caller.page.url()).href);
    const dialog = caller.page.getByRole('dialog', { name: 'Join the call' });
    await expect(async () => {
      await button(caller, 'Join the call').press('Enter'); // the app may just have moved the focus to the heading
      await expect(dialog).toBeVisible({ timeout: 2000 });
    }).toPass();
    const level = dialog.getByRole('meter', { name: 'Microphone level' });
    await expect.poll(async () => Number(await level.getAttribute('aria-valuenow')), { intervals: [70] }).toBeGreaterThan(20); // the beep is short and comes once a second
    await dialog.getByLabel('Camera', { exact: true }).selectOption({ index: 1 });
    await expect(dialog.getByLabel('Preview of your camera')).toBeVisible();
    await dialog.getByRole('button', { name: 'Join the call' }).press('Enter');
    await expect(tile(caller, 'You')).toBeVisible();
  }

  /** The size of the picture of somebody, and whether it goes on. */
  const plays = (caller: Caller, name: string) =>
    bar(caller).getByLabel(`Picture of ${name}`).evaluate(async (video: HTMLVideoElement) => {
      const frames = () => video.getVideoPlaybackQuality().totalVideoFrames;
      const before = frames();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return video.videoWidth > 0 && frames() > before;
    });

  test('devices are tried out, two talk, mute, share a screen, and leave', async ({ browser, world }, info) => {
    const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
    const room = await roomOf(ada, bob);
    await join(ada, room);
    await expect(bar(ada).getByRole('status')).toHaveText('Nobody else is in the call yet');
    await join(bob, room);
    await expect.poll(() => plays(ada, 'Bob')).toBe(true);
    await expect.poll(() => plays(bob, 'Ada')).toBe(true);
    await expect(tile(ada, 'Bob')).toContainText(/(Good|Fair|Poor) connection/);
    await expect(bar(ada).getByRole('status')).toHaveText('2 people in the call');

    await button(bob, 'Mute the microphone').click();
    await expect(tile(ada, 'Bob').getByRole('img', { name: 'Microphone off' })).toBeVisible();
    await button(bob, 'Unmute the microphone').click();
    await expect(tile(ada, 'Bob').getByRole('img', { name: 'Microphone off' })).toBeHidden();
    await button(bob, 'Turn the camera off').click();
    await expect(tile(ada, 'Bob').getByRole('img', { name: 'Camera off' })).toBeVisible();
    await button(bob, 'Turn the camera on').click();
    await expect.poll(() => plays(ada, 'Bob')).toBe(true);

    await bob.page.evaluate(() => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 300 });
      const draw = canvas.getContext('2d')!;
      setInterval(() => draw.fillRect(Math.random() * 400, 0, 9, 9), 50);
      navigator.mediaDevices.getDisplayMedia = () => Promise.resolve(canvas.captureStream(10)); // headless, there is no screen
    });
    await button(bob, 'Share a screen').click();
    await expect.poll(() => bar(ada).getByLabel('Screen of Bob').evaluate((v: HTMLVideoElement) => v.videoWidth)).toBe(400);
    await ada.page.screenshot({ path: info.outputPath('call-light.png') });
    await button(bob, 'Stop sharing the screen').click();
    await expect(bar(ada).getByLabel('Screen of Bob')).toBeHidden();

    for (const scheme of ['light', 'dark'] as const) {
      await ada.page.emulateMedia({ colorScheme: scheme });
      const { violations } = await new AxeBuilder({ page: ada.page }).include('section.call').analyze();
      expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)).toEqual([]);
    }
    await ada.page.screenshot({ path: info.outputPath('call-dark.png') });
    await ada.page.setViewportSize({ width: 390, height: 800 });
    await ada.page.screenshot({ path: info.outputPath('call-phone.png') });

    await button(bob, 'Leave the call').click();
    await expect(tile(ada, 'Bob')).toBeHidden();
    await expect(button(bob, 'Join the call')).toBeVisible();
    expect(await bob.page.evaluate(() => window.tracks.filter((t) => t.readyState === 'live').length)).toBe(0); // the devices are given back
  });

  test('without a device, and after being removed, the bar says why', async ({ browser, world }) => {
    const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
    const room = await roomOf(ada, bob);
    await bob.context.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));
    });
    await bob.page.goto(new URL(`/rooms/${room}`, bob.page.url()).href);
    await button(bob, 'Join the call').click();
    const dialog = bob.page.getByRole('dialog');
    await expect(dialog.getByRole('alert')).toContainText('The browser does not allow the microphone.');
    await dialog.getByRole('button', { name: 'Join the call' }).click();
    await expect(tile(bob, 'You').getByRole('img', { name: 'Microphone off' })).toBeVisible(); // one may listen
    await join(ada, room);
    await expect.poll(() => bob.page.locator('video').evaluateAll((all) => (all as HTMLVideoElement[]).some((v) => v.videoWidth > 0))).toBe(true);
    await ada.api('DELETE', `/rooms/${room}/members/${bob.id}`);
    await expect(tile(ada, 'Bob')).toBeHidden();
    await expect(bar(bob)).toBeHidden();
  });
});

test.describe('a call for two', () => {
  test.use({ flags: [...openServer, '--call-limit', '2'] });

  test('the third hears that it is full, and of how many', async ({ browser, world }) => {
    const [ada, bob, eve] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob'), await Caller.signUp(browser, world, 'Eve')];
    const room = await roomOf(ada, bob, eve);
    await ada.join(room);
    await bob.join(room);
    await eve.join(room);
    expect(await eve.page.evaluate(() => window.ended)).toEqual({ reason: 'call_full', limit: 2 });
    await bob.leave();
    await eve.join(room);
    await ada.seesAndHears(eve);
  });
});

/** A UDP port that is free at present. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

test.describe('over the TURN server in the program alone', () => {
  test.use({
    flags: async ({}, use) => use([...openServer, '--turn-listen', `127.0.0.1:${await freePort()}`, '--turn-public', '127.0.0.1', '--turn-private']),
  });

  test('three see and hear each other', async ({ browser, world }) => {
    const [ada, bob, eve] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob'), await Caller.signUp(browser, world, 'Eve')];
    const room = await roomOf(ada, bob, eve);
    for (const caller of [ada, bob, eve]) await caller.join(room, { iceTransportPolicy: 'relay' });
    await ada.seesAndHears(bob, eve);
    await bob.seesAndHears(ada, eve);
    await eve.seesAndHears(ada, bob);
    for (const caller of [ada, bob, eve]) expect((await caller.arrived()).map((a) => a.relayed)).toEqual([true, true]);
  });
});
