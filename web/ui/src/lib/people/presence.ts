import type { Member, Role } from './types.ts';

const ranks: Readonly<Record<Role, number>> = { owner: 0, admin: 1, member: 2, guest: 3 };
const rank = (role: string): number => (Object.hasOwn(ranks, role) ? ranks[role as Role] : 4);

/** Who is there first, then by role, then by name. */
export function sorted(members: Iterable<Member>, compare: (a: string, b: string) => number): Member[] {
  return [...members].sort(
    (a, b) => Number(b.online) - Number(a.online) || rank(a.role) - rank(b.role) || compare(a.name, b.name) || compare(a.user_id, b.user_id),
  );
}

/** What a member may do with another one; docs/rights.md has the table. */
export function mayManage(mine: string | undefined, theirs: string): { kick: boolean; roles: Role[]; handOver: boolean } {
  const owner = mine === 'owner';
  const kick = theirs !== 'owner' && (owner || (mine === 'admin' && theirs !== 'admin'));
  return { kick, roles: owner && theirs !== 'owner' ? ['guest', 'member', 'admin'] : [], handOver: owner && theirs !== 'owner' && theirs !== 'guest' };
}
