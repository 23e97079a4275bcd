// Links that are mailed and passed on carry their secret behind the #, which no
// server sees: #join=…, #reset=…, #device=…. This tab keeps it until it was used: somebody may
// have to sign in before, or reload the page.

const key = (kind: string) => `sensocto.link.${kind}`;

/** The secret of a link of a kind, of the address or kept from before; it is taken out of the address. */
export function takeLink(kind: string, hash: string): string | undefined {
  if (!hash.startsWith(`${kind}=`)) return sessionStorage.getItem(key(kind)) ?? undefined;
  const secret = decode(hash.slice(kind.length + 1));
  sessionStorage.setItem(key(kind), secret);
  history.replaceState(null, '', location.pathname + location.search);
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
