import { ApiError } from '@sensocto/client';
import { answer, api } from '../app/api.ts';
import type { Member, OwnSensor, Page, Role, Room, Terms } from './types.ts';
import { whole } from './whole.ts';

export type RoomDraft = {
  name: string;
  description: string;
  is_public: boolean;
};

const room = (id: string) => ({ params: { path: { id } } });
const member = (id: string, user_id: string) => ({ path: { id, user_id } });
const sensor = (id: string, sensor_id: string) => ({ params: { path: { id, sensor_id } } });

export const createRoom = (draft: RoomDraft): Promise<Room> => answer(api.POST('/api/v1/rooms', { body: draft }));
export const joinByCode = (code: string): Promise<Room> => answer(api.POST('/api/v1/rooms/join', { body: { code } }));
export const joinPublic = (roomId: string): Promise<Room> => answer(api.POST('/api/v1/rooms/{id}/join', room(roomId)));
export const readRoom = (roomId: string): Promise<Room> => answer(api.GET('/api/v1/rooms/{id}', room(roomId)));
export const leaveRoom = (roomId: string): Promise<void> => answer(api.POST('/api/v1/rooms/{id}/leave', room(roomId)));
export const deleteRoom = (roomId: string): Promise<void> => answer(api.DELETE('/api/v1/rooms/{id}', room(roomId)));
export const renewCode = (roomId: string): Promise<unknown> => answer(api.POST('/api/v1/rooms/{id}/code', room(roomId)));

/** The rooms that one is in. */
export const ownRooms = (): Promise<Room[]> =>
  whole((page) => answer(api.GET('/api/v1/rooms', { params: { query: { scope: 'mine', ...page } } })), ({ rooms }) => rooms);

/** Rooms that anybody with an account may join. */
export async function publicRooms(after: string, signal: AbortSignal): Promise<Page<Room>> {
  const { rooms, next } = await answer(api.GET('/api/v1/rooms', { params: { query: { scope: 'public', after, limit: 100 } }, signal }));
  return { items: rooms, next };
}

/** Changes a room; version is that of the room that was looked at. 412: somebody else was quicker. */
export const changeRoom = (id: string, version: number, change: Partial<RoomDraft> & { settings?: Readonly<Record<string, unknown>> }): Promise<Room> =>
  answer(api.PATCH('/api/v1/rooms/{id}', { params: { path: { id }, header: { 'If-Match': `"${version}"` } }, body: change }));

export const setRole = (roomId: string, userId: string, role: Role): Promise<unknown> =>
  answer(api.PATCH('/api/v1/rooms/{id}/members/{user_id}', { params: member(roomId, userId), body: { role } }));
export const kick = (roomId: string, userId: string): Promise<void> => answer(api.DELETE('/api/v1/rooms/{id}/members/{user_id}', { params: member(roomId, userId) }));
export const ban = (roomId: string, userId: string): Promise<void> =>
  answer(api.DELETE('/api/v1/rooms/{id}/members/{user_id}', { params: { ...member(roomId, userId), query: { ban: true } } }));
export const unban = (roomId: string, userId: string): Promise<void> => answer(api.DELETE('/api/v1/rooms/{id}/bans/{user_id}', { params: member(roomId, userId) }));

/** Invites a user by id, or an address. Where nobody mails it, the answer has the link to pass on. */
export const invite = (roomId: string, whom: { user_id: string } | { email: string }, role: Exclude<Role, 'owner'>): Promise<{ mailed?: boolean; join_link?: string }> =>
  answer(api.POST('/api/v1/rooms/{id}/invitations', { ...room(roomId), body: { ...whom, role } }));

/**
 * Takes a kick or a ban back as far as that goes: the person may come again, and is invited with the role that they had.
 * It returns false for somebody of another server, whom only a new ticket lets in.
 */
export async function inviteBack(roomId: string, who: Pick<Member, 'user_id' | 'role'>, banned: boolean): Promise<boolean> {
  if (banned) await unban(roomId, who.user_id);
  try {
    await invite(roomId, { user_id: who.user_id }, who.role as Exclude<Role, 'owner'>);
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'other_server') return false;
    throw error;
  }
  return true;
}

export const share = (roomId: string, sensorId: string, terms: Terms): Promise<void> =>
  answer(api.PUT('/api/v1/rooms/{id}/sensors/{sensor_id}', { ...sensor(roomId, sensorId), body: terms }));
export const unshare = (roomId: string, sensorId: string): Promise<void> => answer(api.DELETE('/api/v1/rooms/{id}/sensors/{sensor_id}', sensor(roomId, sensorId)));

/** How a sensor of one's own is shared with a room; undefined where it is not. */
export async function termsIn(roomId: string, sensorId: string): Promise<Terms | undefined> {
  const rooms = await whole((query) => answer(api.GET('/api/v1/sensors/{id}/grants', { params: { path: { id: sensorId }, query } })), (page) => page.rooms);
  const found = rooms.find((r) => r.room_id === roomId);
  return found && { control: found.control, history: found.history };
}

/** The sensors that one sees. */
export const visibleSensors = (signal?: AbortSignal): Promise<OwnSensor[]> =>
  whole(({ after }) => answer(api.GET('/api/v1/sensors', { params: { query: { after } }, ...(signal && { signal }) })), ({ sensors }) => sensors);
