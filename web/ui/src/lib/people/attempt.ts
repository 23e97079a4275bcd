import { explain } from '../app/errors.ts';
import { toasts } from '../design/index.ts';

/** Does something and says where it failed. It returns whether it worked. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done) toasts.show(done, { kind: 'ok' });
    return true;
  } catch (error) {
    toasts.show(explain(error), { kind: 'error' });
    return false;
  }
}
