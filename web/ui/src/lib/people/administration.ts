import { ask } from '../app/api.ts';
import { part, query } from './query.ts';
import type { KeptSensor, Page, Retention, User } from './types.ts';

export async function users(search: string, after: string, signal: AbortSignal): Promise<Page<User>> {
  const answer = await ask<{ users: User[]; next: string }>('GET', `/users${query({ search, after, limit: 50 })}`, undefined, signal);
  return { items: answer.users, next: answer.next };
}
export const changeUser = (id: string, change: { disabled?: boolean; is_admin?: boolean }): Promise<User> => ask('PATCH', `/users/${part(id)}`, change);
export const eraseUser = (id: string): Promise<void> => ask('DELETE', `/users/${part(id)}`);
/** Signs a user out everywhere; tokens of devices go on. */
export const signOutUser = (id: string): Promise<void> => ask('DELETE', `/users/${part(id)}/sessions`);
/** Mails the user a link that sets a new password. */
export const mailResetLink = (id: string): Promise<void> => ask('POST', `/users/${part(id)}/reset-link`);
/** Invites an address to make an account; the link is in the answer where the server did not mail it. */
export const inviteToServer = (email: string): Promise<{ link?: string }> => ask('POST', '/invitations', { email });

export async function allSensors(search: string, after: string, signal: AbortSignal): Promise<Page<KeptSensor>> {
  const answer = await ask<{ sensors: KeptSensor[]; next: string }>('GET', `/administration/sensors${query({ search, next: after, limit: 50 })}`, undefined, signal);
  return { items: answer.sensors, next: answer.next };
}
export const handOver = (sensorId: string, ownerId: string): Promise<unknown> => ask('PATCH', `/sensors/${part(sensorId)}`, { owner_id: ownerId });
export const deleteSensor = (sensorId: string): Promise<{ measurements: number }> => ask('DELETE', `/sensors/${part(sensorId)}`);

export const planRetention = (): Promise<Retention> => ask('GET', '/retention');
export const applyRetention = (): Promise<Retention> => ask('POST', '/retention');
export const backupPath = '/backup';
