import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LivePoints } from './livepoints.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const batch = (from: number, n: number, step = 10) => Array.from({ length: n }, (_, i) => ({ time: from + step * i }));
const shownOf = (points: LivePoints<{ time: number; gap?: boolean }>) => {
  vi.advanceTimersByTime(120);
  return points.shown;
};

test('are told together, and not more often than every 120 ms', () => {
  const points = new LivePoints(100);
  points.add(batch(0, 5));
  const before = points.shown;
  vi.advanceTimersByTime(60);
  points.add(batch(50, 5));
  expect(points.shown).toBe(before);
  vi.advanceTimersByTime(60);
  expect(points.shown.map((p) => p.time)).toEqual(batch(0, 10).map((p) => p.time));
});

test('say that they are full before any is lost, and forget what the history has', () => {
  const points = new LivePoints(100);
  for (let i = 0; i < 26; i++) points.add(batch(i * 1000, 100));
  expect([points.full, shownOf(points).length]).toEqual([true, 2600]);
  points.forget(20_000);
  expect([points.full, shownOf(points)[0]?.time, points.shown.length]).toEqual([false, 20_010, 599]);
});

test('are no more than 5,000 where the history is not read', () => {
  const points = new LivePoints(100);
  for (let i = 0; i < 80; i++) points.add(batch(i * 1000, 100));
  expect([shownOf(points).length, points.shown.at(-1)?.time]).toEqual([5000, 79_990]);
});

test('say where measurements are missing, by the rate or by what is usual', () => {
  for (const rate of [100, 0]) {
    const points = new LivePoints<{ time: number; gap?: boolean }>(rate);
    points.add(batch(0, 10));
    points.add(batch(500, 10));
    expect(shownOf(points).filter((p) => p.gap).map((p) => p.time)).toEqual([500]);
  }
});
