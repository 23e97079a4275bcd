import { afterEach, expect, test, vi } from 'vitest';
import { linking } from './linking.ts';

const kept = new Map<string, string>();
vi.stubGlobal('sessionStorage', {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => kept.set(key, value),
  removeItem: (key: string) => kept.delete(key),
});
vi.useFakeTimers();
afterEach(() => kept.clear());

test('linking goes on only where it was begun, and once', () => {
  expect(linking.take()).toBe(false);
  linking.begin();
  expect(linking.take()).toBe(true);
  expect(linking.take()).toBe(false);
});

test('linking that was left does not count later', () => {
  linking.begin();
  vi.advanceTimersByTime(61_000);
  expect(linking.take()).toBe(false);
});
