import type { Client } from '@sensocto/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RoomCall } from './call.svelte.ts';

/** A call whose join the test answers. */
class FakeCall {
  state = 'joining';
  media = { audio: false, video: false, screen: false };
  peers = new Map();
  answer: { join: () => void; refuse: (error: Error) => void } = { join: () => undefined, refuse: () => undefined };
  readonly muted: boolean[] = [];
  #handlers = new Map<string, (value: unknown) => void>();
  #joined = new Promise<void>((resolve, reject) => (this.answer = { join: resolve, refuse: (error) => (reject(error), this.#handlers.get('ended')?.(error)) }));

  joined = () => this.#joined;
  on = (event: string, handle: (value: unknown) => void) => void this.#handlers.set(event, handle);
  levels = () => new Map();
  leave = async () => undefined;

  mute(_: string, muted: boolean) {
    this.muted.push(muted);
    this.media = { ...this.media, audio: !muted };
    this.#handlers.get('media')?.(this.media);
  }
}

/** A tab in a call, or on its way into one. */
function tab() {
  const fake = new FakeCall();
  const call = new RoomCall();
  call.join({ call: () => fake } as unknown as Client, 'room');
  tabs.push(call);
  return { call, fake };
}

const tabs: RoomCall[] = [];
const messages = () => new Promise((resolve) => setTimeout(resolve, 50)); // of the BroadcastChannel

beforeEach(() => vi.stubGlobal('navigator', {}));
afterEach(async () => {
  for (const call of tabs.splice(0)) await call.leave();
  vi.unstubAllGlobals();
});

test('a tab that has joined takes the call over', async () => {
  const [first, second] = [tab(), tab()];
  first.fake.answer.join();
  await messages();
  expect([first.call.end, second.call.end]).toEqual([undefined, undefined]); // the second one is not there yet
  second.fake.answer.join();
  await vi.waitFor(() => expect(first.call.end).toBe('elsewhere'));
  expect(second.call.end).toBeUndefined();
});

test('a tab that is refused leaves the call of the other one alone', async () => {
  const first = tab();
  first.fake.answer.join();
  await messages();
  const second = tab();
  const full = new Error('call_full');
  second.fake.answer.refuse(full);
  await messages();
  expect(second.call.end).toBe(full);
  expect(first.call.end).toBeUndefined();
});

test('a tab that has left before the join was answered takes nothing over', async () => {
  const first = tab();
  first.fake.answer.join();
  await messages();
  const second = tab();
  await second.call.leave();
  second.fake.answer.join();
  await messages();
  expect(first.call.end).toBeUndefined();
});

test('push to talk leaves the microphone as it was before', () => {
  const { call, fake } = tab();
  fake.mute('audio', false);
  call.pushToTalk = true;
  expect(fake.media.audio).toBe(false);
  call.talk(true);
  call.pushToTalk = false;
  expect(fake.media.audio).toBe(true);
  call.toggleMicrophone();
  expect(fake.media.audio).toBe(false);
  call.pushToTalk = true;
  call.talk(true);
  expect(fake.media.audio).toBe(true);
  call.pushToTalk = false;
  expect(fake.media.audio).toBe(false);
});
