import { ReplyError } from '@sensocto/client';
import { expect, test, vi } from 'vitest';
import { text } from '../text/index.svelte.ts';
import { explainEnd } from './problem.ts';

vi.stubGlobal('localStorage', { getItem: () => 'de' });
vi.stubGlobal('navigator', { languages: ['de'] });
vi.stubGlobal('document', { documentElement: {} });

const refused = (reason: string, response = {}) => explainEnd(new ReplyError('phx_join on call:r', reason, response));

test('every refusal of a call is said in the language of the page', async () => {
  await text.start();
  expect(refused('call_full', { limit: 8 })).toContain('8');
  expect(refused('no_room')).toMatch(/Raum/);
  expect(refused('unmatched topic')).toMatch(/^Der Server .*\(unmatched topic\)/);
});
