import { ask } from '../app/api.ts';
import { part, query } from './query.ts';
import type { Invitation, Notification, Page, Room } from './types.ts';
import { whole } from './whole.ts';

export async function notifications(before: string, signal: AbortSignal): Promise<Page<Notification>> {
  const answer = await ask<{ notifications: Notification[]; next: string }>('GET', `/notifications${query({ before, limit: 50 })}`, undefined, signal);
  return { items: answer.notifications, next: answer.next };
}
export const readNotification = (id: string): Promise<void> => ask('POST', `/notifications/${part(id)}/read`);

export const invitations = (): Promise<Invitation[]> => whole('/invitations', 'invitations');
export const accept = (id: string): Promise<Room> => ask('POST', `/invitations/${part(id)}/accept`);
export const decline = (id: string): Promise<void> => ask('POST', `/invitations/${part(id)}/decline`);
