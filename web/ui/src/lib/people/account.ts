import { answer, api } from '../app/api.ts';
import { confirmed } from '../app/confirm.svelte.ts';
import { createPasskey, type CreationOptions } from '../app/passkey.ts';
import type { AuditEvent, Page, Passkey, Token, User } from './types.ts';
import { whole } from './whole.ts';

const one = (id: string) => ({ params: { path: { id } } });

export type AccountChange = {
  name?: string;
  email?: string;
  password?: string;
  current_password?: string;
};

export const changeMe = (change: AccountChange): Promise<User> => confirmed(() => answer(api.PATCH('/api/v1/users/me', { body: change })));
export const eraseMe = (password: string): Promise<void> => confirmed(() => answer(api.DELETE('/api/v1/users/me', { body: password ? { current_password: password } : {} })));
export const exportMePath = '/users/me/export';

export const sessions = (): Promise<Token[]> => whole((query) => answer(api.GET('/api/v1/sessions', { params: { query } })), ({ sessions }) => sessions);
/** Signs out all devices but this one. */
export const endOtherSessions = (): Promise<void> => answer(api.DELETE('/api/v1/sessions'));
export const endSession = (id: string): Promise<void> => answer(api.DELETE('/api/v1/sessions/{id}', one(id)));

export const passkeys = (): Promise<Passkey[]> => whole((query) => answer(api.GET('/api/v1/passkeys', { params: { query } })), ({ passkeys }) => passkeys);
export const removePasskey = (id: string): Promise<void> => confirmed(() => answer(api.DELETE('/api/v1/passkeys/{id}', one(id))));

/** Makes a passkey on this device. */
export async function addPasskey(name: string): Promise<Passkey> {
  const options = (await confirmed(() => answer(api.POST('/api/v1/passkeys/registration', { body: {} })))) as CreationOptions;
  return answer(api.POST('/api/v1/passkeys', { body: { name, credential: await createPasskey(options) } }));
}

export const identities = (): Promise<string[]> => whole((query) => answer(api.GET('/api/v1/identities', { params: { query } })), ({ issuers }) => issuers);
export const unlinkIdentity = (issuer: string): Promise<void> => confirmed(() => answer(api.DELETE('/api/v1/identities', { params: { query: { issuer } } })));

export type Scope = 'view' | 'ingest' | 'admin';
export type TokenDraft = {
  name: string;
  scopes: Scope[];
  sensor_ids?: string[];
  expires_at?: string;
};

export const tokens = (): Promise<Token[]> => whole((query) => answer(api.GET('/api/v1/tokens', { params: { query } })), ({ tokens }) => tokens);
/** Makes a token. Its text is in this answer alone. */
export const createToken = (draft: TokenDraft): Promise<{ token: string }> => confirmed(() => answer(api.POST('/api/v1/tokens', { body: draft })));
export const revokeToken = (id: string): Promise<void> => answer(api.DELETE('/api/v1/tokens/{id}', one(id)));

/** Who did what, newest first: oneself, or, for administrators, a user or everybody. */
export async function auditEvents(userId: string, after: string, signal: AbortSignal): Promise<Page<AuditEvent>> {
  const { events, next } = await answer(api.GET('/api/v1/audit', { params: { query: { ...(userId && { user_id: userId }), after, limit: 50 } }, signal }));
  return { items: events, next };
}
