import { expect, test } from 'vitest';
import { mayManage, sorted } from './presence.ts';
import type { Member } from './types.ts';

const member = (change: Partial<Member>): Member => ({ user_id: 'ada', name: 'Ada', role: 'member', online: true, joined_at: '', ...change });

test('who is there comes first, then roles, then names', () => {
  const members = [
    member({ user_id: '1', name: 'Zoe', role: 'owner', online: false }),
    member({ user_id: '2', name: 'Bob', role: 'member' }),
    member({ user_id: '3', name: 'Ann', role: 'member' }),
    member({ user_id: '4', name: 'Cy', role: 'admin' }),
    member({ user_id: '5', name: 'Ann', role: 'member' }),
    member({ user_id: '6', name: 'New', role: 'a role of the future' }),
  ];
  const names = sorted(members, (a, b) => a.localeCompare(b)).map((m) => m.user_id);
  expect(names).toEqual(['4', '3', '5', '2', '6', '1']);
});

test.each([
  ['owner', 'admin', true, 3, true],
  ['owner', 'guest', true, 3, false],
  ['owner', 'owner', false, 0, false],
  ['admin', 'member', true, 0, false],
  ['admin', 'admin', false, 0, false],
  ['member', 'guest', false, 0, false],
  [undefined, 'guest', false, 0, false],
])('%s may with %s: kick %s, %i roles, hand over %s', (mine, theirs, kick, roles, handOver) => {
  const may = mayManage(mine, theirs);
  expect([may.kick, may.roles.length, may.handOver]).toEqual([kick, roles, handOver]);
});
