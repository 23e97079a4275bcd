import { beforeEach, expect, test, vi } from 'vitest';

const address = { pathname: '/link', search: '', hash: '' };
const kept = new Map<string, string>();
vi.stubGlobal('location', address);
vi.stubGlobal('history', { replaceState: (_: unknown, __: string, to: string) => (address.hash = to.includes('#') ? to.slice(to.indexOf('#')) : '') });
vi.stubGlobal('sessionStorage', {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => kept.set(key, value),
  removeItem: (key: string) => kept.delete(key),
});
const { router } = await import('../app/routes.ts');
const { takeLink } = await import('./link.ts');

const open = (hash: string) => router.go(`/link#${hash}`, { replace: true });
beforeEach(() => kept.clear());

test('a link is taken out of the address, also for the router, and kept until it was used', () => {
  open('reset=a%2Fb');
  expect(router.hash).toBe('reset=a%2Fb');
  expect(takeLink('reset', router.hash)).toBe('a/b');
  expect([address.hash, router.hash]).toEqual(['', '']);
  expect(takeLink('reset', router.hash)).toBe('a/b');
  takeLink.done('reset');
  expect(takeLink('reset', router.hash)).toBeUndefined();
});

test('a link without a secret is none', () => {
  open('reset=');
  expect(takeLink('reset', router.hash)).toBeUndefined();
  expect(takeLink('reset', router.hash)).toBeUndefined();
  expect(router.hash).toBe('');
});
