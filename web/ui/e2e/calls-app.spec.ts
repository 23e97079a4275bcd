import { AxeBuilder } from '@axe-core/playwright';
import { bar, button, join, plays, shareVitals, tile } from './calling-app.ts';
import { Caller, fakeDevices, roomOf } from './calling.ts';
import { expect, openServer, test } from './world.ts';

test.use({ launchOptions: fakeDevices });

test('devices are tried out, two talk, mute, share a screen, and leave', async ({ browser, world }, info) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await join(ada, room);
  await expect(bar(ada).getByRole('status')).toHaveText('Nobody else is in the call yet');
  await join(bob, room);
  await expect.poll(() => plays(ada, 'Bob')).toBe(true);
  await expect.poll(() => plays(bob, 'Ada')).toBe(true);
  await tile(ada, 'Bob').getByText(/(Good|Fair|Poor) connection/).press('Enter');
  await expect(tile(ada, 'Bob').getByText(/% lost, .*ms there and back.*direct/)).toBeVisible();
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
  await expect.poll(() => bar(ada).getByLabel('Screen of Bob', { exact: true }).evaluate((v: HTMLVideoElement) => v.videoWidth)).toBe(400);
  await ada.page.screenshot({ path: info.outputPath('call-light.png') });
  await button(ada, 'Screen of Bob on the full screen').click();
  await expect.poll(() => ada.page.evaluate(() => document.fullscreenElement?.querySelector('video')?.ariaLabel)).toBe('Screen of Bob');
  await ada.page.evaluate(() => document.exitFullscreen());
  await expect(button(ada, 'Screen of Bob in a window of its own')).toBeVisible();
  await button(bob, 'Stop sharing the screen').click();
  await expect(bar(ada).getByLabel('Screen of Bob', { exact: true })).toBeHidden();

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
  await expect.poll(() => bob.page.evaluate(() => window.tracks.filter((t) => t.readyState === 'live').length)).toBe(0); // the devices are given back
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

test('who speaks, push to talk, another device in mid-call, and music', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await join(ada, room);
  await join(bob, room);
  await expect(tile(ada, 'Bob').getByText('speaks')).toBeVisible(); // the beep
  const setup = bob.page.getByRole('dialog');
  await button(bob, 'Microphone and camera').click();
  await setup.getByRole('switch', { name: 'Push to talk' }).check();
  const before = await bob.page.evaluate(() => window.tracks.filter((t) => t.kind === 'audio').length);
  await setup.getByLabel('Microphone', { exact: true }).selectOption({ index: 2 });
  await expect.poll(() => bob.page.evaluate(() => window.tracks.filter((t) => t.kind === 'audio').length)).toBe(before + 1);
  await setup.getByRole('switch', { name: 'Music and breathing' }).check();
  await expect.poll(() => bob.page.evaluate(() => window.tracks.filter((t) => t.kind === 'audio').at(-1)!.getSettings().echoCancellation)).toBe(false);
  await setup.getByRole('button', { name: 'Done' }).click();

  const off = tile(ada, 'Bob').getByRole('img', { name: 'Microphone off' });
  await expect(off).toBeVisible();
  await expect(tile(ada, 'Bob').getByText('speaks')).toBeHidden();
  await bob.page.getByRole('heading', { name: 'Lab' }).focus();
  await bob.page.keyboard.down('Space');
  await expect(off).toBeHidden();
  await expect(tile(ada, 'Bob').getByText('speaks')).toBeVisible();
  await bob.page.keyboard.up('Space');
  await expect(off).toBeVisible();
  const hold = button(bob, 'Hold to talk');
  await hold.dispatchEvent('pointerdown');
  await expect(off).toBeHidden();
  await button(bob, 'You are heard').dispatchEvent('pointerup');
  await expect(off).toBeVisible();

  // A device that is unplugged: another one takes its place.
  const cameras = () => bob.page.evaluate(() => window.tracks.filter((t) => t.kind === 'video').length);
  const opened = await cameras();
  await bob.page.evaluate(() => {
    const camera = window.tracks.findLast((t) => t.kind === 'video')!;
    camera.stop();
    camera.dispatchEvent(new Event('ended'));
  });
  await expect.poll(cameras).toBeGreaterThan(opened);
  await expect.poll(() => plays(ada, 'Bob')).toBe(true);
});

test('another room, or nobody any more, while the devices are chosen: the dialog closes and the devices are given back', async ({ browser, world }) => {
  const ada = await Caller.signUp(browser, world, 'Ada');
  const [first, second] = [await roomOf(ada), await roomOf(ada)];
  const dialog = ada.page.getByRole('dialog', { name: 'Join the call' });
  const opened = async () => {
    await button(ada, 'Join the call').click();
    await expect(dialog.getByRole('meter', { name: 'Microphone level' })).toBeVisible();
  };
  const givenBack = async () => {
    await expect(dialog).toBeHidden();
    await expect.poll(() => ada.page.evaluate(() => window.tracks.filter((t) => t.readyState === 'live').length)).toBe(0);
  };
  await ada.page.goto(new URL(`/rooms/${first}`, ada.page.url()).href);
  await opened();
  await ada.page.evaluate((room) => {
    history.pushState(null, '', `/rooms/${room}`);
    dispatchEvent(new PopStateEvent('popstate'));
  }, second);
  await givenBack();
  await opened(); // in the other room
  await dialog.getByRole('button', { name: 'Join the call' }).click();
  await expect(tile(ada, 'You')).toBeVisible();
  await button(ada, 'Leave the call').click();
  await opened();
  const { sessions } = await ada.api<{ sessions: { id: string }[] }>('GET', '/sessions');
  await ada.api('DELETE', `/sessions/${sessions[0]!.id}`);
  await givenBack();
});

test('another tab takes the call over', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await join(ada, room);
  await join(bob, room);
  await expect(tile(ada, 'Bob')).toBeVisible();
  const second = await bob.anotherTab();
  await join(second, room);
  await expect(bar(bob).getByRole('alert')).toHaveText('The call goes on in another tab, or on another device of yours.');
  await expect(tile(ada, 'Bob')).toHaveCount(1);
  await expect.poll(() => plays(ada, 'Bob')).toBe(true);
  await expect.poll(() => bob.page.evaluate(() => window.tracks.filter((t) => t.readyState === 'live').length)).toBe(0);
});

test('each tile has the sensors of its person, their age, and waits for the picture where it is asked to', async ({ browser, world }, info) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await shareVitals(world, bob, room);
  await join(ada, room);
  await join(bob, room);
  const sensor = tile(ada, 'Bob').locator('[role=group]');
  await expect(sensor).toHaveCount(1);
  await expect(sensor.locator('canvas').first()).toBeVisible();
  await expect(sensor.locator('.number').first()).toHaveText(/\d/);
  await expect(sensor.getByText(/and \d+ more/)).toBeVisible();
  await expect(tile(ada, 'You').getByRole('group')).toHaveCount(0);
  await expect(tile(ada, 'Bob').getByText(/picture [\d.]+s old, trace [\d.]+s old/)).toBeVisible();
  await bar(ada).getByRole('switch', { name: 'Traces wait for the pictures' }).check();
  await ada.page.waitForTimeout(2500); // as a person would watch
  await expect(sensor.locator('.number').first()).toHaveText(/\d/);
  await ada.page.screenshot({ path: info.outputPath('sensors-light.png') });
  await ada.page.emulateMedia({ colorScheme: 'dark' });
  await ada.page.screenshot({ path: info.outputPath('sensors-dark.png') });
  await ada.page.setViewportSize({ width: 390, height: 800 });
  await ada.page.screenshot({ path: info.outputPath('sensors-phone.png') });
  await ada.page.emulateMedia({ colorScheme: 'light' });
  await ada.page.goto(new URL('/status', ada.page.url()).href);
  await expect(ada.page.getByText(/This device's clock is \d+ ms (behind|ahead of) the server's, to within [\d.]+ ms/)).toBeVisible();
});

test('the picture of somebody on the full screen and in a window of its own, and small pictures where they are small', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const room = await roomOf(ada, bob);
  await join(ada, room);
  await join(bob, room);
  const height = () => bar(ada).getByLabel('Picture of Bob', { exact: true }).evaluate((v: HTMLVideoElement) => v.videoHeight);
  await expect.poll(() => plays(ada, 'Bob')).toBe(true);
  await expect.poll(() => bob.sentLines()).toEqual([180]);
  await expect.poll(height).toBeLessThanOrEqual(180);
  await tile(ada, 'Bob').hover();
  await button(ada, 'Picture of Bob on the full screen').click();
  await expect.poll(() => ada.page.evaluate(() => document.fullscreenElement !== null)).toBe(true);
  await expect.poll(async () => Math.min(...(await bob.sentLines()))).toBeGreaterThan(180);
  await expect.poll(() => plays(ada, 'Bob')).toBe(true);
  await ada.page.evaluate(() => document.exitFullscreen());
  await expect.poll(() => bob.sentLines()).toEqual([180]);
  const inWindow = () => ada.page.evaluate(() => document.pictureInPictureElement?.getAttribute('aria-label'));
  await expect(async () => { // the browser refuses while it leaves the full screen
    await tile(ada, 'Bob').hover();
    if ((await inWindow()) === undefined) await button(ada, 'Picture of Bob in a window of its own').click();
    await expect.poll(inWindow, { timeout: 5000 }).toBe('Picture of Bob');
  }).toPass();
  await expect.poll(() => plays(ada, 'Bob')).toBe(true);
  await tile(ada, 'Bob').hover();
  await button(ada, 'Picture of Bob in a window of its own').click();
  await expect.poll(() => ada.page.evaluate(() => document.pictureInPictureElement)).toBeNull();
  await expect.poll(() => bob.sentLines()).toEqual([180]);
  await expect.poll(height).toBeLessThanOrEqual(180);
});

test('by a link on a phone: an account, the room, the call', async ({ browser, world }, info) => {
  const ada = await Caller.signUp(browser, world, 'Ada');
  const { id } = await ada.api<{ id: string }>('POST', '/rooms', { name: 'Lab' });
  await ada.join(id);
  const { join_link: link } = await ada.api<{ join_link: string }>('GET', `/rooms/${id}`);
  const phone = await Caller.guest(browser, world, { viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true });
  const { page } = phone;
  await page.goto(`${world.url}/rooms${new URL(link, world.url).hash}`);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Name').fill('Pia');
  await page.getByLabel('E-mail address').fill('pia@example.org');
  await page.getByLabel('Password').fill('violet harbour sings at noon');
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Join by code' }).click();
  await expect(page.getByRole('heading', { name: 'Lab' })).toBeVisible();
  await join(phone, id);
  await expect.poll(() => plays(phone, 'Ada')).toBe(true);
  await expect.poll(async () => (await ada.arrived()).map((a) => a.name)).toEqual(['Pia']);
  await expect.poll(async () => (await ada.arrived())[0]!.frames).toBeGreaterThan(10);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.screenshot({ path: info.outputPath('phone.png') });
});

test.describe('a call for two', () => {
  test.use({ flags: [...openServer, '--call-limit', '2'] });

  test('the third reads that it is full, and of how many', async ({ browser, world }) => {
    const [ada, bob, eve] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob'), await Caller.signUp(browser, world, 'Eve')];
    const room = await roomOf(ada, bob, eve);
    await ada.join(room);
    await bob.join(room);
    await join(eve, room, false);
    await expect(bar(eve).getByRole('alert')).toHaveText('The call is full: at most 2 can be in it. Try again when somebody has left.');
  });
});
