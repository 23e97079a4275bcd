/**
 * Claims a name for this tab, so that two tabs of a browser do not measure the same twice.
 *
 * @param patience in ms: a tab that was just reloaded may still be ending
 * @returns what gives it back; null where another tab has it
 */
export async function claim(name: string, patience = 1000): Promise<(() => void) | null> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return () => undefined; // pages without https have no locks, and little to measure
  return new Promise((resolve, reject) => {
    const held = () => new Promise<void>((release) => resolve(release));
    locks.request(name, { signal: AbortSignal.timeout(patience) }, held).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'TimeoutError') resolve(null);
      else reject(error as Error);
    });
  });
}
