import { explain } from '../app/errors.ts';
import { toasts } from '../design/index.ts';

interface Removal {
  readonly run: () => Promise<unknown>;
  readonly back: (() => void) | undefined;
}

/** Where a removal is told, with a way to take it back; `closed` is called when that has passed. */
export interface Notices {
  undoable(text: string, undo: () => void, closed: () => void): void;
  failed(text: string): void;
}

/**
 * Removals that the server cannot take back: what is removed is hidden at once, and
 * removed when the message that offers Undo closes, or the page does.
 */
export class Removals {
  #hidden = $state.raw<ReadonlySet<string>>(new Set());
  #waiting = new Map<string, Removal>();
  #notices: Notices;

  constructor(notices: Notices) {
    this.#notices = notices;
  }

  /** Whether what the key stands for is to be hidden. */
  hides(key: string): boolean {
    return this.#hidden.has(key);
  }

  /** Hides what the key stands for and removes it after a while; back is called where it stays. */
  remove(key: string, text: string, run: () => Promise<unknown>, back?: () => void): void {
    if (this.#hidden.has(key)) return;
    this.#waiting.set(key, { run, back });
    this.#hide(key, true);
    this.#notices.undoable(text, () => this.#undo(key), () => void this.#commit(key));
  }

  /** Removes at once whatever waits; for the end of the page. */
  flush(): void {
    for (const key of [...this.#waiting.keys()]) void this.#commit(key);
  }

  #undo(key: string): void {
    const removal = this.#waiting.get(key);
    if (!removal) return; // it has been removed meanwhile
    this.#waiting.delete(key);
    this.#hide(key, false);
    removal.back?.();
  }

  async #commit(key: string): Promise<void> {
    const removal = this.#waiting.get(key);
    if (!removal) return;
    this.#waiting.delete(key);
    try {
      await removal.run();
    } catch (error) {
      this.#hide(key, false); // it is still there
      removal.back?.();
      this.#notices.failed(explain(error));
    }
  }

  #hide(key: string, hidden: boolean): void {
    const keys = new Set(this.#hidden);
    if (hidden) keys.add(key);
    else keys.delete(key);
    this.#hidden = keys;
  }
}

export const removals = new Removals({
  undoable: (text, undo, closed) => toasts.show(text, { undo, closed }),
  failed: (text) => toasts.show(text, { kind: 'error' }),
});

if (typeof addEventListener === 'function') addEventListener('pagehide', () => removals.flush());
