import { ask } from '../app/api.ts';
import { confirmed } from '../app/confirm.svelte.ts';
import { createPasskey } from '../app/passkey.ts';
import { part, query } from './query.ts';
import type { AuditEvent, Page, Passkey, Token, User } from './types.ts';
import { whole } from './whole.ts';

export interface AccountChange {
  name?: string;
  email?: string;
  password?: string;
  current_password?: string;
}

export const changeMe = (change: AccountChange): Promise<User> => confirmed(() => ask('PATCH', '/users/me', change));
/** Uses the link that was mailed to a new address. */
export const confirmEmail = (link: string): Promise<User> => ask('POST', '/email', { link });
export const eraseMe = (password: string): Promise<void> => confirmed(() => ask('DELETE', '/users/me', password ? { current_password: password } : {}));
export const exportMePath = '/users/me/export';

export const sessions = (): Promise<Token[]> => whole('/sessions', 'sessions');
/** Signs out all devices but this one. */
export const endOtherSessions = (): Promise<void> => ask('DELETE', '/sessions');
export const endSession = (id: string): Promise<void> => ask('DELETE', `/sessions/${part(id)}`);

export const passkeys = (): Promise<Passkey[]> => whole('/passkeys', 'passkeys');
export const removePasskey = (id: string): Promise<void> => confirmed(() => ask('DELETE', `/passkeys/${part(id)}`));

/** Makes a passkey on this device. */
export async function addPasskey(name: string): Promise<Passkey> {
  const options = await confirmed(() => ask<Parameters<typeof createPasskey>[0]>('POST', '/passkeys/registration', {}));
  return ask('POST', '/passkeys', { name, credential: await createPasskey(options) });
}

export const identities = (): Promise<string[]> => whole('/identities', 'issuers');
export const unlinkIdentity = (issuer: string): Promise<void> => confirmed(() => ask('DELETE', `/identities${query({ issuer })}`));

export type Scope = 'view' | 'ingest' | 'admin';
export interface TokenDraft {
  name: string;
  scopes: Scope[];
  sensor_ids?: string[];
  expires_at?: string;
}

export const tokens = (): Promise<Token[]> => whole('/tokens', 'tokens');
/** Makes a token. Its text is in this answer alone. */
export const createToken = (draft: TokenDraft): Promise<Token & { token: string }> => confirmed(() => ask('POST', '/tokens', draft));
export const revokeToken = (id: string): Promise<void> => ask('DELETE', `/tokens/${part(id)}`);

/** Lets a program sign in that showed this code. Its name is the answer. */
export const confirmDevice = async (code: string): Promise<string> => (await ask<{ name: string }>('POST', '/device/confirm', { code })).name;

/** Who did what, newest first: oneself, or, for administrators, a user or everybody. */
export async function auditEvents(userId: string, after: string, signal: AbortSignal): Promise<Page<AuditEvent>> {
  const { events, next } = await ask<{ events: AuditEvent[]; next: string }>('GET', `/audit${query({ user_id: userId, after, limit: 50 })}`, undefined, signal);
  return { items: events, next };
}
