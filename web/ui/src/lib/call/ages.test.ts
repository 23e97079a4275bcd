import type { CallPeer, Chunk, Client, Sensor } from '@sensocto/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SensorFeed } from '../../views/lobby/feed.ts';
import { Live } from '../app/live.ts';
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

/** The ages of peers whose only sensor's newest measurement was as old as its entry says when it came. */
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
  shown.picture('bob', 700);
  look();
  expect(live.delay).toBe(600);
  stop();
  expect([live.delay, shown.together, shown.knows]).toEqual([0, false, false]);
});

test.each([[0.9], [1.9], [2.9]])('what is kept back for %d s counts as old as it was when it came: the delay neither grows nor swings', async (seconds) => {
  const handlers: Record<string, (event: unknown) => void> = {};
  const viewer = { on: (event: string, handler: () => void) => (handlers[event] = handler), watch: () => Promise.resolve({ refused: [] }) };
  const live = new Live({ viewer: () => viewer, clock: { now: () => performance.now() } } as unknown as Client, () => () => undefined);
  const feed = new SensorFeed({ sensor_id: 'strap', attributes: [] } as unknown as Sensor);
  live.watch('strap', 'high', feed);
  await vi.advanceTimersByTimeAsync(50);
  const shown = new Ages(() => [feed], () => live);
  const stop = shown.follow(() => [peer('bob')]);
  shown.together = true;
  const delays: number[] = [];
  for (let i = 0; i < 150; i++) {
    handlers['chunk']!({ sensorId: 'strap', attributeId: 'hr', kind: 'samples', times: [performance.now() - 100], values: [60] } as unknown as Chunk);
    shown.picture('bob', 100 + seconds * 1000);
    await vi.advanceTimersByTimeAsync(200);
    if (i > 50) delays.push(live.delay);
  }
  expect(new Set(delays)).toEqual(new Set([seconds * 1000]));
  expect(shown.of('user of bob')).toBe(100);
  stop();
  live.close();
});

test('a picture that is shown no more tells no age, and holds nothing back', () => {
  const { live, shown, stop, look } = following([peer('bob', true, 80)], { 'user of bob': 100 });
  shown.together = true;
  shown.picture('bob', 2900);
  look();
  expect(live.delay).toBe(2800);
  look();
  look();
  expect([live.delay, shown.pictureOf(peer('bob')), shown.pictureOf(peer('bob', true, 80))]).toEqual([0, undefined, 80]);
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
