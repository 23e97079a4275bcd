import { expect, test, vi } from 'vitest';

vi.stubGlobal('location', { pathname: '/', search: '', hash: '' });
const { match } = await import('./router.svelte.ts');

test.each([
  ['/', '/', {}],
  ['/rooms', '/rooms', {}],
  ['/rooms/:id', '/rooms/42', { id: '42' }],
  ['/rooms/:id/wall', '/rooms/a%20b/wall', { id: 'a b' }],
  ['/sensors/:id', '/sensors/100%', { id: '100%' }],
  ['/rooms/:id', '/rooms/', undefined],
  ['/rooms/:id', '/rooms/1/2', undefined],
  ['/', '/rooms', undefined],
])('%s matches %s', (pattern, path, want) => expect(match(pattern, path)).toEqual(want));
