import type { Client } from '@sensocto/client';
import { expect, test, vi } from 'vitest';

let answer: (list: unknown[]) => void = () => {};
vi.mock('./inbox.ts', () => ({ invitations: () => new Promise((resolve) => (answer = resolve)), notifications: () => Promise.resolve({ items: [] }), readNotification: () => {} }));
vi.mock('../design/index.ts', () => ({ toasts: { show: () => {} } }));
const { inbox } = await import('./inbox.svelte.ts');

test('an invitation that comes while all is read stays, and is there once', async () => {
  const listeners = new Map<string, (value: unknown) => void>();
  const live = { on: (event: string, listener: (value: unknown) => void) => listeners.set(event, listener), close: () => Promise.resolve() };
  const stop = inbox.follow({ inbox: () => live } as unknown as Client, 'ada');
  const reading = inbox.refresh();
  listeners.get('invitation')!({ id: 'new' });
  answer([{ id: 'old' }]); // from before
  await reading;
  expect(inbox.invitations.map((i) => i.id)).toEqual(['new', 'old']);

  const again = inbox.refresh();
  answer([{ id: 'new' }]);
  await again;
  expect(inbox.invitations.map((i) => i.id), 'the old one was declined').toEqual(['new']);
  stop();
  expect(inbox.invitations).toEqual([]);
});
