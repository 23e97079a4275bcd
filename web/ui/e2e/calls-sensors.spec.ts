// Sensors beside the pictures of a call: how closely they are watched, and when they are drawn.

import { bar, join, tile } from './calling-app.ts';
import { Caller, fakeDevices, roomOf } from './calling.ts';
import { atLevel, expect, setHidden, test, type TestDevice, type World } from './world.ts';

test.use({ launchOptions: fakeDevices });

/** Two in a call, with a sensor that one of them shares. */
async function callBesideSensor(world: World, ada: Caller, bob: Caller, payload?: (n: number) => number): Promise<TestDevice> {
  const room = await roomOf(ada, bob);
  const { token } = await bob.api<{ token: string }>('POST', '/tokens', { name: 'belt', scopes: ['ingest', 'view'] });
  const attributes = [
    { attribute_id: 'ecg', attribute_type: 'ecg', sampling_rate: 100 },
    { attribute_id: 'level', attribute_type: 'number', sampling_rate: 5 },
  ];
  const device = world.device('belt', attributes, { token, ...(payload && { payload }) });
  await expect.poll(() => bob.api('PUT', `/rooms/${room}/sensors/belt`, { history: 'since_shared', control: false }).then(() => true, () => false)).toBe(true);
  for (const caller of [ada, bob]) await join(caller, `${room}?tab=members`); // where nothing else shows the sensor
  await expect(tile(ada, 'Bob').getByRole('group', { name: 'belt' })).toBeVisible();
  return device;
}

test('the device is asked for more while its tile is shown than while it is scrolled away or the page is hidden', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const device = await callBesideSensor(world, ada, bob);
  await atLevel('medium', device);
  await setHidden(bob.page, true); // his own tile shows it as well
  await ada.page.setViewportSize({ width: 200, height: 800 }); // room for one tile
  const scroll = (to: 'start' | 'end') => bar(ada).locator('ul').evaluate((list, to) => list.scrollTo({ left: to === 'end' ? list.scrollWidth : 0 }), to);
  await scroll('end');
  await atLevel('medium', device);
  await scroll('start');
  await atLevel('low', device);
  await scroll('end');
  await atLevel('medium', device);
  await setHidden(ada.page, true);
  await atLevel('none', device); // who does not look at the page looks at nothing
  await setHidden(ada.page, false);
  await atLevel('medium', device);
  await scroll('start');
  await atLevel('low', device);
  await setHidden(bob.page, false);
  await atLevel('medium', device); // Bob's own
  await bob.page.setViewportSize({ width: 200, height: 800 });
  await bar(bob).locator('ul').evaluate((list) => list.scrollTo({ left: list.scrollWidth }));
  await atLevel('low', device);
});

test('traces wait for the pictures: what is drawn is as old as the picture', async ({ browser, world }) => {
  const [ada, bob] = [await Caller.signUp(browser, world, 'Ada'), await Caller.signUp(browser, world, 'Bob')];
  const began = Date.now();
  await callBesideSensor(world, ada, bob, () => Math.round((Date.now() - began) / 100)); // each measurement is the time of its own
  await ada.page.evaluate(() => {
    for (const connection of window.connections) for (const receiver of connection.getReceivers()) Object.assign(receiver, { jitterBufferTarget: 2000 }); // pictures as on a bad way
  });
  const text = tile(ada, 'Bob').getByText(/picture [\d.]+s old, trace [\d.]+s old/);
  /** How old picture and trace are, as the page says, and how old the newest measurement is that it has drawn, in s. */
  const ages = async () => {
    const [picture, trace] = [...(await text.innerText()).matchAll(/([\d.]+)s old/g)].map(([, s]) => Number(s)) as [number, number];
    const drawn = await tile(ada, 'Bob').locator('.number').first().evaluate(async (number, began) => {
      const seen: number[] = [];
      for (let i = 0; i < 40; i++) {
        seen.push(Date.now() - began - Number(number.textContent!.replaceAll(',', '')) * 100);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return Math.min(...seen) / 1000; // between two of them the newest grows older
    }, began);
    return { picture, trace, drawn };
  };
  await expect(async () => {
    const { picture, trace, drawn } = await ages();
    expect(picture).toBeGreaterThan(1.3);
    expect(Math.abs(drawn - trace)).toBeLessThan(0.5);
    expect(picture - drawn).toBeGreaterThan(0.8);
  }).toPass({ timeout: 60_000 });
  const wait = bar(ada).getByRole('switch', { name: 'Traces wait for the pictures' });
  await wait.check();
  await expect(async () => {
    const { picture, trace, drawn } = await ages();
    expect(Math.abs(drawn - picture)).toBeLessThan(0.5); // both show the same moment
    expect(drawn - trace).toBeGreaterThan(0.8);
  }).toPass({ timeout: 60_000 });
  await wait.uncheck();
  await expect(async () => {
    const { picture, drawn } = await ages();
    expect(picture - drawn).toBeGreaterThan(0.8);
  }).toPass({ timeout: 60_000 });
});
