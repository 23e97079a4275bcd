import { m } from '../text/index.svelte.ts';
import { ApiError } from '@sensocto/client';
import { UnreachableError } from './api.ts';
import { PasskeyError } from './passkey.ts';

/** What to tell a person of an error. */
export function explain(error: unknown): string {
  if (error instanceof UnreachableError) return m.app.unreachable();
  if (error instanceof PasskeyError) return m.signIn.passkeyError(error.why);
  if (error instanceof Error && error.name === 'NotANumber') return m.people.notANumber(error.message);
  if (error instanceof ApiError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}
