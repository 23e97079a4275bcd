import { NoReplyError, ReplyError } from '@sensocto/client';
import { expect, test, vi } from 'vitest';
import { m, text } from '../text/index.svelte.ts';
import { explain } from './errors.ts';

vi.stubGlobal('localStorage', { getItem: () => 'de' });
vi.stubGlobal('navigator', { languages: ['de'] });
vi.stubGlobal('document', { documentElement: {} });

test('what a socket answers is told in words', async () => {
  await text.start();
  expect(explain(new ReplyError('phx_join on sensocto:sensor:x', 'sensor_quota', {}))).toBe(m.errors.reason('sensor_quota'));
  expect(explain(new ReplyError('phx_join on sensocto:sensor:x', 'never_heard_of', {}))).toBe(m.errors.refused('never_heard_of'));
  expect(explain(new NoReplyError('watch on viewer:v', 'timeout'))).toBe(m.app.unreachable());
});
