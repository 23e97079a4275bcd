import { SourceError } from '../source.ts';

/** What iOS adds to the events of motion: a permission that is asked for in a tap. */
interface AsksPermission {
  requestPermission?: () => Promise<'granted' | 'denied'>;
}

/** Makes sure that events of this type may come. @throws SourceError */
export async function allowMotion(type: unknown): Promise<void> {
  if (!globalThis.isSecureContext) throw new SourceError('insecure');
  if (!type) throw new SourceError('unsupported');
  const { requestPermission } = type as AsksPermission;
  if (requestPermission && (await requestPermission.call(type)) !== 'granted') throw new SourceError('denied');
}

/** Whether a permission is asked for in a tap: on iOS. */
export function asksForMotion(type: unknown): boolean {
  return typeof (type as AsksPermission | undefined)?.requestPermission === 'function';
}
