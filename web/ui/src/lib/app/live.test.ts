import type { Chunk, Client } from '@sensocto/client';
import { afterEach, expect, test, vi } from 'vitest';
import { Live } from './live.ts';

vi.useFakeTimers();
afterEach(() => vi.clearAllTimers());

/** A live view of one sensor, what its watcher was told, and what tells it of events. */
async function watching() {
  const handlers: Record<string, (event?: unknown) => void> = {};
  const viewer = { on: (event: string, handler: () => void) => (handlers[event] = handler), watch: () => Promise.resolve({ refused: [] }) };
  const live = new Live({ viewer: () => viewer, clock: { now: () => performance.now() } } as unknown as Client, () => () => undefined);
  const told: string[] = [];
  const cameAt: number[] = [];
  live.watch('strap', 'high', { chunk: (c, came) => (told.push(c.attributeId), cameAt.push(came)), interrupted: () => told.push('interrupted') });
  await vi.advanceTimersByTimeAsync(50);
  const chunk = (attributeId: string) => handlers['chunk']!({ sensorId: 'strap', attributeId } as Chunk);
  return { live, told, cameAt, chunk, interrupt: () => handlers['interrupted']!() };
}

test('what is not kept back is told at once', async () => {
  const { told, chunk, interrupt } = await watching();
  chunk('before');
  interrupt();
  chunk('after');
  expect(told).toEqual(['before', 'interrupted', 'after']);
});

test('an interruption waits with the measurements before it', async () => {
  const { live, told, chunk, interrupt } = await watching();
  live.delay = 1000;
  chunk('before');
  await vi.advanceTimersByTimeAsync(500);
  interrupt();
  chunk('after');
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(600);
  expect(told).toEqual(['before']);
  await vi.advanceTimersByTimeAsync(500);
  expect(told).toEqual(['before', 'interrupted', 'after']);
});

test('what is kept back is told in order once nothing is to be kept back', async () => {
  const { live, told, chunk, interrupt } = await watching();
  live.delay = 1000;
  chunk('before');
  interrupt();
  live.delay = 0;
  expect(told).toEqual(['before', 'interrupted']);
});

test('what is kept back tells when it came, not when it is shown', async () => {
  const { live, cameAt, chunk } = await watching();
  live.delay = 1000;
  const came = performance.now();
  chunk('before');
  await vi.advanceTimersByTimeAsync(1100);
  expect(cameAt).toEqual([came]);
});
