import { ReplacedError, ReplyError } from '@sensocto/client';
import { m } from '../text/index.svelte.ts';

/** Why a microphone, a camera or a screen could not be had. */
export type DeviceProblem = 'refused' | 'missing' | 'busy' | 'insecure' | 'unknown';

/** The problem behind an error of getUserMedia. */
export function deviceProblem(error: unknown): DeviceProblem {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'unknown';
  }
}

/** Why a call has ended, and what to do. */
export function explainEnd(error: Error | 'elsewhere'): string {
  if (error === 'elsewhere' || error instanceof ReplacedError) return m.call.elsewhere();
  if (!(error instanceof ReplyError)) return m.call.removed();
  const limit = error.response['limit'];
  if (error.reason === 'call_full') return m.call.full(typeof limit === 'number' ? limit : 0);
  if (error.reason === 'unauthorized') return m.call.noRight();
  return m.errors.reason(error.reason) || m.call.notJoined(error.reason);
}
