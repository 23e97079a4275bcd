import { ApiError } from '@sensocto/client';
import { beforeEach, expect, test, vi } from 'vitest';

const asked: string[] = [];
let refusal: Error | undefined;
vi.mock('../app/api.ts', () => ({
  api: { DELETE: (path: string) => asked.push(`DELETE ${path}`), POST: (path: string) => asked.push(`POST ${path}`) },
  answer: async () => {
    if (refusal && asked.at(-1)?.startsWith('POST')) throw refusal;
  },
}));
const { inviteBack } = await import('./rooms.ts');
const bob = { user_id: 'bob', role: 'member' } as const;

beforeEach(() => {
  asked.length = 0;
  refusal = undefined;
});

test('who was banned is invited again once the ban is lifted', async () => {
  expect(await inviteBack('lab', bob, true)).toBe(true);
  expect(asked).toEqual(['DELETE /api/v1/rooms/{id}/bans/{user_id}', 'POST /api/v1/rooms/{id}/invitations']);
});

test('somebody of another server needs a ticket, and other refusals are told', async () => {
  refusal = new ApiError('invite', 409, 'at another server', 'other_server');
  expect(await inviteBack('lab', bob, false)).toBe(false);
  refusal = new ApiError('invite', 429, 'too many', 'too_many_invitations');
  await expect(inviteBack('lab', bob, false)).rejects.toThrow('too many');
});
