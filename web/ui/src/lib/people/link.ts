// Links that are mailed and passed on carry their secret behind the #, which no
// server sees: #join=…, #ticket=…, #reset=…, #device=…. This tab keeps it until it was used: somebody may
// have to sign in before, or reload the page.

import { router } from '../app/routes.ts';

/** The kinds of links that the page /link takes. */
export const pageKinds = ['setup', 'invite', 'reset', 'email'] as const;

const key = (kind: string) => `sensocto.link.${kind}`;

/** The secret of a link of a kind, of the address or kept from before; it is taken out of the address. */
export function takeLink(kind: string, hash: string): string | undefined {
  if (!hash.startsWith(`${kind}=`)) return sessionStorage.getItem(key(kind)) ?? undefined;
  const secret = decode(hash.slice(kind.length + 1));
  router.go(location.pathname + location.search, { replace: true }); // the router knows: the same link may be opened again
  if (secret === '') return undefined;
  sessionStorage.setItem(key(kind), secret);
  return secret;
}

/** Forgets the secret: it was used. */
takeLink.done = (kind: string): void => sessionStorage.removeItem(key(kind));

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
