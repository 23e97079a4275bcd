import { toasts } from '../design/index.ts';
import { pageKinds, takeLink } from '../people/link.ts';
import { m } from '../text/index.svelte.ts';
import { router } from './routes.ts';
import { session } from './session.svelte.ts';

/** Shows the page that somebody who has just signed in wanted to see. */
export async function enter(next: string | null): Promise<void> {
  await session.signedIn();
  pageKinds.forEach(takeLink.done); // who came in another way has no use for a link from before
  if (session.person) toasts.show(m.signIn.welcome(session.person.name), { kind: 'ok' });
  router.go(next && router.has(next.split(/[?#]/)[0] ?? '') ? next : '/', { replace: true });
}

const key = 'sensocto.next';

/** Where whoever leaves the page for a sign-in service wants to be when they come back. */
export const afterService = {
  set: (path: string): void => sessionStorage.setItem(key, path),
  /** Whether somebody left for the service. */
  get awaited(): boolean {
    return sessionStorage.getItem(key) !== null;
  },
  take(): string | null {
    const path = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return path;
  },
};
