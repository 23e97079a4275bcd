// The call of the app as a person uses it, for the tests of calls.

import type { Caller } from './calling.ts';
import { expect, type World } from './world.ts';

export const bar = ({ page }: Caller) => page.getByRole('region', { name: 'Call' });
export const button = (caller: Caller, name: string) => bar(caller).getByRole('button', { name });
export const tile = (caller: Caller, name: string) => bar(caller).getByRole('listitem', { name, exact: true });

/** Opens the room, tries the devices and joins, with the keyboard alone. */
export async function join(caller: Caller, room: string, enters = true): Promise<void> {
  await caller.page.goto(new URL(`/rooms/${room}`, caller.page.url()).href);
  const dialog = caller.page.getByRole('dialog', { name: 'Join the call' });
  await expect(async () => {
    if (!(await dialog.isVisible())) await button(caller, 'Join the call').press('Enter'); // the app may just have moved the focus to the heading
    await expect(dialog).toBeVisible({ timeout: 5000 });
  }).toPass();
  const level = dialog.getByRole('meter', { name: 'Microphone level' });
  await expect.poll(async () => Number(await level.getAttribute('aria-valuenow')), { intervals: [70] }).toBeGreaterThan(20); // the beep is short and comes once a second
  await dialog.getByLabel('Camera', { exact: true }).selectOption({ index: 1 });
  await expect(dialog.getByLabel('Preview of your camera')).toBeVisible();
  await dialog.getByRole('button', { name: 'Join the call' }).press('Enter');
  if (enters) await expect(tile(caller, 'You')).toBeVisible();
}

/** The size of the picture of somebody, and whether it goes on. */
export const plays = (caller: Caller, name: string) =>
  bar(caller).getByLabel(`Picture of ${name}`, { exact: true }).evaluate(async (video: HTMLVideoElement) => {
    const frames = () => video.getVideoPlaybackQuality().totalVideoFrames;
    const before = frames();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return video.videoWidth > 0 && frames() > before;
  });

/** Shares a sensor that sends vital signs with a room, and returns its id. */
export async function shareVitals(world: World, owner: Caller, room: string): Promise<string> {
  const prefix = `belt-of-${owner.name.toLowerCase()}`;
  const { token } = await owner.api<{ token: string }>('POST', '/tokens', { name: prefix, scopes: ['ingest', 'view'] });
  world.simulate(1, 'vitals', { token, prefix });
  const share = () => owner.api('PUT', `/rooms/${room}/sensors/${prefix}-1`, { history: 'since_shared', control: false }).then(() => true, () => false);
  await expect.poll(share).toBe(true); // once it has connected
  return `${prefix}-1`;
}
