import { answer, api } from '../app/api.ts';
import type { Invitation, Notification, Page, Room } from './types.ts';
import { whole } from './whole.ts';

const one = (id: string) => ({ params: { path: { id } } });

export async function notifications(before: string, signal: AbortSignal): Promise<Page<Notification>> {
  const { notifications, next } = await answer(api.GET('/api/v1/notifications', { params: { query: { before, limit: 50 } }, signal }));
  return { items: notifications, next };
}
export const readNotification = (id: string): Promise<void> => answer(api.POST('/api/v1/notifications/{id}/read', one(id)));

export const invitations = (): Promise<Invitation[]> => whole((query) => answer(api.GET('/api/v1/invitations', { params: { query } })), ({ invitations }) => invitations);
export const accept = (id: string): Promise<Room> => answer(api.POST('/api/v1/invitations/{id}/accept', one(id)));
export const decline = (id: string): Promise<void> => answer(api.POST('/api/v1/invitations/{id}/decline', one(id)));
