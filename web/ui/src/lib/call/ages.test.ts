import type { CallPeer } from '@sensocto/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Ages, delayFor, longest } from './ages.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each<[string, { picture: number | undefined; trace: number }[], number]>([
  ['nobody', [], 0],
  ['a picture older than its trace', [{ picture: 500, trace: 120.4 }], 380],
  ['a trace older than its picture', [{ picture: 100, trace: 400 }], 0],
  ['no picture', [{ picture: undefined, trace: 400 }], 0],
  ['of several the one whose picture is the most behind its trace', [{ picture: 900, trace: 800 }, { picture: 600, trace: 100 }, { picture: 0, trace: 900 }], 500],
  ['a picture that is very old', [{ picture: 20_000, trace: 100 }], longest],
])('the delay for %s', (_, ages, want) => expect(delayFor(ages)).toBe(want));

const peer = (peerId: string, video = true, pictureAge?: number) =>
  ({ peerId, userId: `user of ${peerId}`, media: { audio: true, video, screen: false }, quality: pictureAge === undefined ? undefined : { pictureAge } }) as CallPeer;

/** The ages of peers whose only sensor's newest measurement was as old as its entry says when it was shown. */
function following(peers: CallPeer[], ages: Record<string, number | undefined>) {
  const live = { delay: 0 };
  const shown = new Ages((userId) => (userId in ages ? [{ age: ages[userId] }] : []), () => live);
  const stop = shown.follow(() => peers);
  return { live, shown, stop, look: () => vi.advanceTimersByTime(1000) };
}

test('traces are delayed only where it is switched on, and not any more once it is off or the call is over', () => {
  const { live, shown, stop, look } = following([peer('bob')], { 'user of bob': 100 });
  shown.picture('bob', 700);
  look();
  expect([shown.knows, shown.of('user of bob'), shown.pictureOf(peer('bob')), live.delay]).toEqual([true, 100, 700, 0]);
  shown.together = true;
  look();
  expect(live.delay).toBe(600);
  shown.together = false;
  expect(live.delay).toBe(0);
  shown.together = true;
  look();
  expect(live.delay).toBe(600);
  stop();
  expect([live.delay, shown.together, shown.knows]).toEqual([0, false, false]);
});

test('what is kept back counts as old as it was when it came: the delay does not grow by itself', () => {
  const ages = { 'user of bob': 100 };
  const { live, shown, stop, look } = following([peer('bob')], ages);
  shown.picture('bob', 700);
  shown.together = true;
  look();
  ages['user of bob'] = 100 + live.delay; // as the feed measures it when it is shown
  for (let i = 0; i < 3; i++) look();
  expect([live.delay, shown.of('user of bob')]).toEqual([600, 100]);
  stop();
});

test('a picture is as old as it was measured, else as long as frames are on their way, and there is none with the camera off', () => {
  const { shown, stop, look } = following([peer('bob')], {});
  expect(shown.pictureOf(peer('bob', true, 80))).toBe(80);
  shown.picture('bob', 200);
  look();
  expect(shown.pictureOf(peer('bob', true, 80))).toBe(200);
  expect(shown.pictureOf(peer('bob', false, 80))).toBeUndefined();
  stop();
});

test('who is gone is forgotten, and a sensor that sends nothing has no age', () => {
  const peers = [peer('bob'), peer('eve')];
  const { live, shown, stop, look } = following(peers, { 'user of bob': 100, 'user of eve': undefined });
  shown.picture('bob', 2000);
  shown.picture('eve', 2500);
  shown.together = true;
  look();
  expect([live.delay, shown.of('user of eve')]).toEqual([1900, undefined]);
  peers.shift();
  look();
  expect([live.delay, shown.knows, shown.pictureOf(peer('bob'))]).toEqual([0, false, undefined]);
  stop();
});
