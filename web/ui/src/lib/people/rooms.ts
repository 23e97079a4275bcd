import { ask } from '../app/api.ts';
import { part, query } from './query.ts';
import type { Member, OwnSensor, Page, Role, Room, Terms } from './types.ts';
import { whole } from './whole.ts';

export interface RoomDraft {
  name: string;
  description: string;
  is_public: boolean;
}

const path = (roomId: string) => `/rooms/${part(roomId)}`;

export const createRoom = (draft: RoomDraft): Promise<Room> => ask('POST', '/rooms', draft);
export const joinByCode = (code: string): Promise<Room> => ask('POST', '/rooms/join', { code });
export const joinPublic = (roomId: string): Promise<Room> => ask('POST', `${path(roomId)}/join`);
export const readRoom = (roomId: string): Promise<Room> => ask('GET', path(roomId));
export const leaveRoom = (roomId: string): Promise<void> => ask('POST', `${path(roomId)}/leave`);
export const deleteRoom = (roomId: string): Promise<void> => ask('DELETE', path(roomId));
export const renewCode = (roomId: string): Promise<void> => ask('POST', `${path(roomId)}/code`);

/** Rooms that anybody with an account may join. */
export async function publicRooms(after: string, signal: AbortSignal): Promise<Page<Room>> {
  const { rooms, next } = await ask<{ rooms: Room[]; next: string }>('GET', `/rooms${query({ scope: 'public', after, limit: 100 })}`, undefined, signal);
  return { items: rooms, next };
}

/** Changes a room; version is that of the room that was looked at. 412: somebody else was quicker. */
export const changeRoom = (roomId: string, version: number, change: Partial<RoomDraft>): Promise<Room> =>
  ask('PATCH', path(roomId), change, undefined, { 'If-Match': `"${version}"` });

const member = (roomId: string, userId: string) => `${path(roomId)}/members/${part(userId)}`;

export const setRole = (roomId: string, userId: string, role: Role): Promise<void> => ask('PATCH', member(roomId, userId), { role });
export const kick = (roomId: string, userId: string): Promise<void> => ask('DELETE', member(roomId, userId));
export const ban = (roomId: string, userId: string): Promise<void> => ask('DELETE', `${member(roomId, userId)}?ban=true`);
export const unban = (roomId: string, userId: string): Promise<void> => ask('DELETE', `${path(roomId)}/bans/${part(userId)}`);

/** Invites a user by id, or an address. */
export const invite = (roomId: string, whom: { user_id: string } | { email: string }, role: Role): Promise<unknown> =>
  ask('POST', `${path(roomId)}/invitations`, { ...whom, role });

/** Takes a kick or a ban back as far as that goes: the person may come again, and is invited with the role that they had. */
export async function inviteBack(roomId: string, who: Pick<Member, 'user_id' | 'role'>, banned: boolean): Promise<void> {
  if (banned) await unban(roomId, who.user_id);
  await invite(roomId, { user_id: who.user_id }, who.role as Role);
}

export const share = (roomId: string, sensorId: string, terms: Terms): Promise<void> => ask('PUT', `${path(roomId)}/sensors/${part(sensorId)}`, terms);
export const unshare = (roomId: string, sensorId: string): Promise<void> => ask('DELETE', `${path(roomId)}/sensors/${part(sensorId)}`);

/** How a sensor of one's own is shared with a room; undefined where it is not. */
export async function termsIn(roomId: string, sensorId: string): Promise<Terms | undefined> {
  const rooms = await whole<Terms & { room_id: string }>(`/sensors/${part(sensorId)}/grants`, 'rooms');
  const found = rooms.find((r) => r.room_id === roomId);
  return found && { control: found.control, history: found.history };
}

/** The sensors that one sees. */
export async function visibleSensors(signal?: AbortSignal): Promise<OwnSensor[]> {
  const all: OwnSensor[] = [];
  for (let after = ''; ; ) {
    const { sensors, next } = await ask<{ sensors: OwnSensor[]; next?: string }>('GET', `/sensors${query({ after })}`, undefined, signal);
    all.push(...sensors);
    if (!next) return all;
    after = next;
  }
}
