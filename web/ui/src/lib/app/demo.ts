import { tick } from 'svelte';
import { bringSensors } from '../sense/resume.ts';
import { m } from '../text/index.svelte.ts';
import { answer, api, token } from './api.ts';
import { connection } from './connection.svelte.ts';
import { registration, session } from './session.svelte.ts';

/**
 * Starts the demo heart as a sensor of this browser and returns its id. Nobody
 * becomes a guest for a day, where the server lets guests in; where it does not,
 * the answer is undefined: somebody has to sign in first.
 */
export async function startDemoHeart(): Promise<string | undefined> {
  if (!session.person && token.get() === undefined && !(await becomeGuest())) return undefined;
  await bringSensors(connection.client, session.person?.id ?? 'operator', true);
  const { sensing } = await import('../sense/sensing.svelte.ts');
  const { id } = await sensing.add('demo', m.lobby.demoHeart());
  return id;
}

async function becomeGuest(): Promise<boolean> {
  const { guest_accounts: open } = await registration();
  if (!open) return false;
  await answer(api.POST('/api/v1/session/guest', { body: { name: m.app.guest() } }));
  await session.signedIn();
  await tick(); // the page connects anew, as the guest
  return true;
}
