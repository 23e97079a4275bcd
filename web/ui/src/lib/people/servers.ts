import { answer, api } from '../app/api.ts';
import type { Room, RoomSharing, ServerSharing, Ticket } from './types.ts';

// What the app asks of rooms that other servers have, too.

const room = (id: string) => ({ params: { path: { id } } });

export type TicketRole = 'member' | 'guest' | 'reader';

export const readSharing = (roomId: string, signal: AbortSignal): Promise<RoomSharing> => answer(api.GET('/api/v1/rooms/{id}/p2p', { ...room(roomId), signal }));
/** How all rooms are shared, for administrators. */
export const readAllSharing = (signal: AbortSignal): Promise<ServerSharing> => answer(api.GET('/api/v1/p2p', { signal }));

/** Makes a ticket and returns its text, which is a secret. */
export const makeTicket = async (roomId: string, role: TicketRole): Promise<string> => (await answer(api.POST('/api/v1/rooms/{id}/tickets', { ...room(roomId), body: { role } }))).ticket;
/** The tickets that admit people, without their secrets. */
export const tickets = async (roomId: string): Promise<readonly Ticket[]> => (await answer(api.GET('/api/v1/rooms/{id}/tickets', room(roomId)))).tickets;
export const endTicket = (id: string, ticket_id: string): Promise<void> => answer(api.DELETE('/api/v1/rooms/{id}/tickets/{ticket_id}', { params: { path: { id, ticket_id } } }));
/** Ends all tickets and locks out the servers of people who were removed; members' servers follow by themselves. */
export const moveRoom = (roomId: string): Promise<RoomSharing> => answer(api.POST('/api/v1/rooms/{id}/move', room(roomId)));
/** Brings the room of a ticket here; it may take 20 s. */
export const joinByTicket = (ticket: string, signal: AbortSignal): Promise<Room> => answer(api.POST('/api/v1/rooms/join-ticket', { body: { ticket }, signal }));

/** How it stands with the sharing of a room, the most urgent first. */
export type Standing = 'absent' | 'down' | 'flooded' | 'moved' | 'following' | 'restored' | 'alone' | 'failing' | 'apart' | 'together';

export function standingOf(r: RoomSharing): Standing {
  if (r.sidecar !== 'running') return r.sidecar;
  if (r.flooded) return 'flooded';
  if (r.moved) return 'moved';
  if (r.following) return 'following';
  if (r.restored && r.shared) return 'restored';
  if (!r.shared) return 'alone';
  if (r.problem !== '') return 'failing';
  return r.peers.some((p) => p.path !== 'none') ? 'together' : 'apart';
}

export const tones = {
  absent: 'warning', down: 'warning', flooded: 'danger', moved: 'danger', following: 'warning', restored: 'warning', alone: 'neutral', failing: 'warning', apart: 'neutral', together: 'ok',
} as const satisfies Record<Standing, string>;

const keepSetting = 'keep_watched';
type Settings = Readonly<Record<string, unknown>>;
type HasSettings = { readonly settings: unknown };
const settingsOf = (room: HasSettings): Settings => (typeof room.settings === 'object' && room.settings !== null ? (room.settings as Settings) : {});

/** Whether servers store what is watched there of sensors of other servers. */
export const keepsWatched = (room: HasSettings): boolean => settingsOf(room)[keepSetting] === true;

/** The room's settings with that switched on or off; the others stay as they are. */
export function withKeeping(room: HasSettings, on: boolean): Settings {
  const { [keepSetting]: _, ...others } = settingsOf(room);
  return on ? { ...others, [keepSetting]: true } : others;
}

/** How many entries do not count, of all reasons. */
export const refusedIn = (r: RoomSharing): number => Object.values(r.refused).reduce((sum, n) => sum + n, 0);
