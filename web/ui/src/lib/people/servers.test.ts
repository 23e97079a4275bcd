import { expect, test } from 'vitest';
import type { Room } from '@sensocto/client';
import { keepsWatched, refusedIn, standingOf, withKeeping, type Standing } from './servers.ts';
import type { RoomSharing } from './types.ts';

const peer = (path: 'direct' | 'relay' | 'none') => ({ endpoint: 'aa', path, names: [] });
const room: RoomSharing = {
  room_id: 'r', own: true, shared: true, read_only: false, sidecar: 'running', loopback_only: false, peers: [], synced_at: null, pending: 0, lag_ms: 0, retries: 0, missing: 0, entries: 3,
  flooded: false, moved: false, following: false, restored: false, waiting: [], refused: {}, problem: '',
};

test.each<[Partial<RoomSharing>, Standing]>([
  [{}, 'apart'],
  [{ peers: [peer('none')] }, 'apart'],
  [{ peers: [peer('none'), peer('relay')] }, 'together'],
  [{ peers: [peer('direct')], problem: 'disk full' }, 'failing'],
  [{ shared: false, problem: 'disk full' }, 'alone'],
  [{ moved: true, shared: false }, 'moved'],
  [{ following: true, shared: false }, 'following'],
  [{ restored: true, peers: [peer('direct')] }, 'restored'],
  [{ restored: true, shared: false }, 'alone'],
  [{ restored: true, following: true }, 'following'],
  [{ flooded: true, moved: true }, 'flooded'],
  [{ sidecar: 'absent', flooded: true }, 'absent'],
  [{ sidecar: 'down', peers: [peer('direct')] }, 'down'],
])('%o is %s', (change, standing) => expect(standingOf({ ...room, ...change })).toBe(standing));

test('entries that do not count', () => {
  expect(refusedIn(room)).toBe(0);
  expect(refusedIn({ ...room, refused: { malformed: 2, not_allowed: 5 } })).toBe(7);
});

test('what is watched is kept or not, and the other settings stay', () => {
  const room = (settings: unknown) => ({ settings }) as Room;
  expect([room({}), room(null), room({ keep_watched: false }), room({ keep_watched: 'true' }), room({ keep_watched: true })].map(keepsWatched)).toEqual([false, false, false, false, true]);
  expect(withKeeping(room({ theme: 'dark' }), true)).toEqual({ theme: 'dark', keep_watched: true });
  expect(withKeeping(room({ theme: 'dark', keep_watched: true }), false)).toEqual({ theme: 'dark' });
  expect(withKeeping(room(null), true)).toEqual({ keep_watched: true });
});
