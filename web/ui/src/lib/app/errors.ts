import { ApiError, NoReplyError, ReplyError } from '@sensocto/client';
import { m } from '../text/index.svelte.ts';
import { UnreachableError } from './api.ts';
import { PasskeyError } from './passkey.ts';

/** What to tell a person of an error. */
export function explain(error: unknown): string {
  if (error instanceof UnreachableError || error instanceof NoReplyError) return m.app.unreachable();
  if (error instanceof ReplyError) return m.errors.reason(error.reason) || m.errors.refused(error.reason);
  if (error instanceof PasskeyError) return m.signIn.passkeyError(error.why);
  if (error instanceof Error && error.name === 'NotANumber') return m.people.notANumber(error.message);
  if (error instanceof ApiError) return m.errors.reason(error.reason ?? '') || (byStatus(error.status) ?? error.detail);
  return error instanceof Error ? error.message : String(error);
}

/** What to do where the server gives no reason. */
function byStatus(status: number): string | undefined {
  if (status === 401) return m.errors.signedOut();
  if (status === 429) return m.errors.busy();
  if (status === 503) return m.errors.unavailable();
  return status >= 500 ? m.errors.fault() : undefined;
}

/** What the word behind #error= means, with which a sign-in elsewhere ended. A link may hold any text: only known words are shown. */
export const explainSignIn = (reason: string): string => m.errors.reason(reason) || m.signIn.failed();
