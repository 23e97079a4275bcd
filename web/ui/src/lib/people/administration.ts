import { answer, api } from '../app/api.ts';
import type { KeptSensor, Page, Retention, User } from './types.ts';

const limit = 50;
const user = (id: string) => ({ params: { path: { id } } });

export async function users(search: string, after: string, signal: AbortSignal): Promise<Page<User>> {
  const { users, next } = await answer(api.GET('/api/v1/users', { params: { query: { search, after, limit } }, signal }));
  return { items: users, next };
}
export const changeUser = (id: string, change: { disabled?: boolean; is_admin?: boolean }): Promise<User> => answer(api.PATCH('/api/v1/users/{id}', { ...user(id), body: change }));
export const eraseUser = (id: string): Promise<void> => answer(api.DELETE('/api/v1/users/{id}', user(id)));
/** Signs a user out everywhere; tokens of devices go on. */
export const signOutUser = (id: string): Promise<void> => answer(api.DELETE('/api/v1/users/{id}/sessions', user(id)));
/** Mails the user a link that sets a new password. */
export const mailResetLink = (id: string): Promise<void> => answer(api.POST('/api/v1/users/{id}/reset-link', user(id)));
/** Invites an address to make an account; the link is in the answer where the server did not mail it. */
export const inviteToServer = (email: string): Promise<{ link?: string }> => answer(api.POST('/api/v1/invitations', { body: { email } }));

export async function allSensors(search: string, after: string, signal: AbortSignal): Promise<Page<KeptSensor>> {
  const { sensors, next } = await answer(api.GET('/api/v1/administration/sensors', { params: { query: { search, next: after, limit } }, signal }));
  return { items: sensors, next };
}
export const handOver = (id: string, ownerId: string): Promise<unknown> => answer(api.PATCH('/api/v1/sensors/{id}', { params: { path: { id } }, body: { owner_id: ownerId } }));
export const deleteSensor = (id: string): Promise<{ measurements: number }> => answer(api.DELETE('/api/v1/sensors/{id}', { params: { path: { id } } }));

export const planRetention = (): Promise<Retention> => answer(api.GET('/api/v1/retention'));
export const applyRetention = (): Promise<Retention> => answer(api.POST('/api/v1/retention'));
export const backupPath = '/backup';
