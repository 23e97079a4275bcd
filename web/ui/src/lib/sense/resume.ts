import type { Client } from '@sensocto/client';

let loaded: Promise<typeof import('./sensing.svelte.ts')> | undefined;

/**
 * Goes on with what this browser brought before a reload, in whatever view the page is. The code for it is loaded
 * where somebody has sensors here, or opens the view for them.
 *
 * @param owner who looks at the page; undefined for nobody
 */
export async function bringSensors(client: Client, owner: string | undefined, isOpen: boolean): Promise<void> {
  const isNeeded = owner !== undefined && (isOpen || localStorage.getItem(`sensocto.sense.${owner}`) !== null);
  if (!loaded && !isNeeded) return;
  loaded ??= import('./sensing.svelte.ts');
  const { sensing } = await loaded;
  await sensing.use(client, owner);
}
