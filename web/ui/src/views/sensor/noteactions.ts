import { explain } from '../../lib/app/errors.ts';
import { toasts } from '../../lib/design/index.ts';
import { m } from '../../lib/text/index.svelte.ts';
import type { Happening, Notes } from './notes.svelte.ts';

/** What people do with notes, and what they are told of it. */
export function noteActions(notes: Notes): { add(time: number, text: string): Promise<string>; remove(h: Happening): void } {
  const add = async (time: number, text: string): Promise<string> => {
    try {
      await notes.add(time, text);
      return '';
    } catch (error) {
      return explain(error);
    }
  };
  const again = (h: Happening): void => void notes.restore(h).catch((e: unknown) => toasts.show(explain(e), { kind: 'error' }));
  const remove = (h: Happening): void => {
    notes.remove(h).then(
      () => toasts.show(m.sensor.noteRemoved(), { undo: () => again(h) }),
      (error: unknown) => toasts.show(explain(error), { kind: 'error' }),
    );
  };
  return { add, remove };
}
