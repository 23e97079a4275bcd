import { chromium } from '@playwright/test';
import { bundledExample, Caller, fakeDevices, moves, roomOf, turnServer } from './calling.ts';
import { expect, openServer, test, took } from './world.ts';

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
  const packets = () =>
    bob.page.evaluate(async () => {
      let sent = 0;
      (await window.connections.at(-1)!.getStats()).forEach((s) => (sent += s.type === 'outbound-rtp' ? s.packetsSent : 0));
      return sent;
    });
  let sent = -1;
  await expect.poll(async () => sent === (sent = await packets()), { intervals: [1000] }).toBe(true); // nothing at all is sent

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
  const collisions = () => Promise.all(both.map(({ page }) => page.evaluate(() => window.call.collisions)));
  await expect(async () => {
    const at = Date.now() + 300; // by the clock that they share
    await Promise.all(both.map(({ page }) => page.evaluate(async (at) => {
      await new Promise((resolve) => setTimeout(resolve, at - Date.now()));
      window.connections.at(-1)!.restartIce();
    }, at)));
    const [one, other] = (await collisions()).sort((a, b) => a.ignored - b.ignored);
    expect(one!.rolledBack).toBeGreaterThan(2); // of the polite one
    expect(other!.ignored).toBeGreaterThan(2);
    expect([one!.ignored, other!.rolledBack]).toEqual([0, 0]);
  }).toPass({ intervals: [200, 300, 500], timeout: 60_000 }); // fewer offers than the server takes in a second
  await expect.poll(() => Promise.all(both.map(({ page }) => page.evaluate(() => window.connections.at(-1)!.signalingState)))).toEqual(['stable', 'stable']);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);
  expect(await Promise.all(both.map(({ page }) => page.evaluate(() => window.connections.length)))).toEqual([1, 1]); // the link lasted
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

test('the lid of a laptop is closed for half a minute: the call goes on when it is opened', async ({ world }) => {
  const launch = async () => {
    const browser = await chromium.launch(fakeDevices);
    world.onEnd(() => browser.close());
    return browser;
  };
  const laptop = await launch();
  const [ada, bob] = [await Caller.signUp(await launch(), world, 'Ada'), await Caller.signUp(laptop, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  const devtools = await laptop.newBrowserCDPSession();
  const { processInfo } = (await devtools.send('SystemInfo.getProcessInfo')) as { processInfo: { id: number }[] };
  const all = (signal: NodeJS.Signals) => processInfo.forEach(({ id }) => process.kill(id, signal)); // as the system does while it sleeps
  const state = () => ada.page.evaluate(() => [...window.call.peers.values()][0]?.state);
  all('SIGSTOP');
  try {
    await expect.poll(state).toBe('interrupted');
    await ada.page.waitForTimeout(30_000);
  } finally {
    all('SIGCONT');
  }
  const began = Date.now();
  await Promise.all([ada, bob].map((caller) => moves(caller)));
  took('media after the lid was opened', Date.now() - began, 10_000);
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);

  const tab = await bob.context.newCDPSession(bob.page); // a phone that shows something else stops the page alone
  await tab.send('Page.setWebLifecycleState', { state: 'frozen' });
  await ada.page.waitForTimeout(5000);
  await tab.send('Page.setWebLifecycleState', { state: 'active' });
  await ada.seesAndHears(bob);
  await bob.seesAndHears(ada);
});

test('a page that stands still for so long that the server closes its connection is in the call again by itself', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  const before = await bob.peerId();
  const peers = () => ada.page.evaluate(() => [...window.call.peers.keys()]);
  const still = bob.page.evaluate(() => {
    for (const end = Date.now() + 75_000; Date.now() < end; ); // no heartbeat, as on a machine that is overloaded
  });
  await expect.poll(peers, { timeout: 74_000 }).toEqual([]); // 60 s of silence
  await still;
  await expect.poll(async () => (await peers()).length).toBe(1);
  expect(await bob.peerId()).not.toBe(before);
  expect(await peers()).toEqual([await bob.peerId()]);
  expect(await bob.page.evaluate(() => [window.call.state, window.ended])).toEqual(['joined', undefined]);
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

test('token revoked, kicked, signed out, or the room deleted: nothing comes from them any more', async ({ browser, world }) => {
  const names = ['Ada', 'Bob', 'Eve', 'Kim', 'Tom'] as const;
  const [ada, bob, eve, kim, tom] = (await Promise.all(names.map((name) => Caller.signUp(browser, world, name)))) as [Caller, Caller, Caller, Caller, Caller];
  const room = await roomOf(ada, bob, eve, kim, tom);
  const token = await tom.api<{ id: string; token: string }>('POST', '/tokens', { name: 'kiosk', scopes: ['view', 'ingest'] });
  await tom.useToken(token.token);
  for (const caller of [ada, bob, eve, kim, tom]) await caller.join(room);
  await ada.seesAndHears(bob, eve, kim, tom);
  await kim.seesAndHears(ada, bob, eve, tom);

  /** Does something, and waits until each of the callers has connections to no more than so many others. */
  const gone = async (act: () => Promise<unknown>, left: number, ...callers: Caller[]) => {
    await Promise.all(callers.map(({ page }) => page.evaluate((left) => {
      window.goneAt = undefined;
      const look = () => {
        if (window.connections.filter((c) => c.signalingState !== 'closed').length <= left) window.goneAt ??= Date.now();
        else setTimeout(look, 5);
      };
      look();
    }, left)));
    await act();
    const began = Date.now(); // the right has ended
    await Promise.all(callers.map(({ page }) => expect.poll(() => page.evaluate(() => window.goneAt)).toBeDefined()));
    const last = Math.max(...(await Promise.all(callers.map(({ page }) => page.evaluate(() => window.goneAt!)))));
    took('media ended after', last - began, 1000);
  };
  await gone(() => tom.api('DELETE', `/tokens/${token.id}`), 3, ada, bob, eve, kim);
  await gone(() => ada.api('DELETE', `/rooms/${room}/members/${bob.id}`), 2, ada, eve, kim);
  const { sessions } = await eve.api<{ sessions: { id: string }[] }>('GET', '/sessions');
  await gone(() => eve.api('DELETE', `/sessions/${sessions[0]!.id}`).catch(() => undefined), 1, ada, kim);
  await ada.seesAndHears(kim); // who stays is not disturbed
  await gone(() => ada.api('DELETE', `/rooms/${room}`), 0, ada, kim);
  for (const caller of [bob, eve, kim, tom]) await expect.poll(() => caller.page.evaluate(() => window.call.state)).toBe('ended');
});

test('what comes is the beep of the microphone, and as much picture as is shown', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  await bob.join(room);
  await ada.seesAndHears(bob);
  /** The loudest frequency of a sound during a second and a half, in Hz. */
  const pitch = ({ page }: Caller, from: 'microphone' | 'peer') =>
    page.evaluate(async (from) => {
      const context = new AudioContext();
      await context.resume();
      const analyser = Object.assign(context.createAnalyser(), { fftSize: 4096 });
      const [peer] = window.call.peers.values();
      const track = from === 'peer' ? peer!.stream.getAudioTracks()[0]! : window.tracks.find((t) => t.kind === 'audio')!;
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      const bins = new Float32Array(analyser.frequencyBinCount);
      let loudest = { level: -Infinity, bin: 0 };
      for (let i = 0; i < 75; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        analyser.getFloatFrequencyData(bins);
        bins.forEach((level, bin) => level > loudest.level && (loudest = { level, bin }));
      }
      const hz = (loudest.bin * context.sampleRate) / analyser.fftSize;
      await context.close();
      return { hz, level: loudest.level };
    }, from);
  const [sent, heard] = [await pitch(bob, 'microphone'), await pitch(ada, 'peer')];
  expect(sent.level).toBeGreaterThan(-60);
  expect(heard.level).toBeGreaterThan(-60);
  expect(Math.abs(heard.hz - sent.hz)).toBeLessThan(40);
  await expect.poll(() => ada.page.evaluate(() => Math.max(...window.call.levels().values())), { intervals: [50] }).toBeGreaterThan(0.01);

  const show = (video: number) => ada.page.evaluate((video) => window.call.show([...window.call.peers.keys()][0]!, { video, screen: 0 }), video);
  const width = async () => (await ada.arrived())[0]!.width;
  await expect.poll(() => bob.sentLines()).toEqual([240]);
  await show(100);
  await expect.poll(() => bob.sentLines()).toEqual([180]);
  await expect.poll(width).toBeLessThanOrEqual(240); // 180 of 240 lines
  await show(0);
  await expect.poll(() => bob.sentLines()).toEqual([0]);
  let before = -1;
  const frames = async () => (await ada.arrived())[0]!.frames;
  await expect.poll(async () => before === (before = await frames()), { intervals: [1000] }).toBe(true);
  const sound = async () => (await ada.arrived())[0]!.sound;
  const heardBefore = await sound();
  await expect.poll(sound).toBeGreaterThan(heardBefore + 1e-5); // sound goes on
  await show(720);
  await expect.poll(() => bob.sentLines()).toEqual([240]);
  await ada.seesAndHears(bob);
});

test('how long pictures are on their way', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  for (const caller of [ada, bob]) await caller.join(room);
  await ada.seesAndHears(bob);
  const age = () => ada.page.evaluate(() => [...window.call.peers.values()][0]?.quality?.pictureAge ?? -1);
  await expect.poll(age).toBeGreaterThan(0);
  took('pictures are on their way', await age(), 5000);
});

test('from joining to media on both sides, again and again', async ({ browser, world }) => {
  const joins = Number(process.env['CALL_JOINS'] ?? 20);
  test.setTimeout(120_000 + joins * 20_000);
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await ada.join(room);
  const adasId = await ada.peerId();
  const times: number[] = [];
  for (let i = 0; i < joins; i++) {
    await bob.join(room);
    const bobsId = await bob.peerId();
    const both = () => Promise.all([ada.mediaOf(bobsId), bob.mediaOf(adasId)]);
    await expect.poll(async () => (await both()).includes(undefined), { intervals: [100] }).toBe(false);
    const joinedAt = await bob.page.evaluate(() => window.joinedAt);
    times.push(Math.max(...(await both() as number[])) - joinedAt);
    await bob.leave();
  }
  times.sort((a, b) => a - b);
  const quantile = (q: number) => times[Math.ceil(q * times.length) - 1]!;
  took('from joining to picture and sound on both sides, p95', quantile(0.95), 1500, `of ${joins}; median ${quantile(0.5).toFixed(0)} ms, longest ${times.at(-1)!.toFixed(0)} ms`);
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

test.describe('over the TURN server in the program alone', () => {
  test.use({
    flags: async ({}, use) => use(await turnServer()),
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
