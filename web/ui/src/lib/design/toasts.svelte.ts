export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: 'info' | 'ok' | 'error';
  /** Takes back what the toast tells of. */
  readonly undo?: (() => void) | undefined;
  /** Another thing to do about it. */
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
  /** It stays until it is closed. */
  readonly lasting: boolean;
}

const shownMS = 6000;
const undoMS = 10_000;
const most = 4;

/** Short messages about what just happened, at the edge of the page. Errors stay until they are closed. */
class Toasts {
  #list = $state.raw<readonly Toast[]>([]);
  #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #next = 1;

  get list(): readonly Toast[] {
    return this.#list;
  }

  show(text: string, options: Partial<Pick<Toast, 'kind' | 'undo' | 'action' | 'lasting'>> = {}): number {
    const { kind = 'info', undo, action, lasting = kind === 'error' } = options;
    const toast: Toast = { id: this.#next++, text, kind, undo, action, lasting };
    this.#list = [...this.#list, toast];
    this.resume(toast.id);
    for (const old of this.#list.slice(0, -most)) this.close(old.id);
    return toast.id;
  }

  close(id: number): void {
    this.hold(id);
    this.#list = this.#list.filter((t) => t.id !== id);
  }

  /** Does what a button of the toast says, and closes it. */
  act(toast: Toast, run: (() => void) | undefined): void {
    this.close(toast.id);
    run?.();
  }

  /** Keeps a toast while somebody points at it or has the focus in it. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number): void {
    const toast = this.#list.find((t) => t.id === id);
    if (!toast || toast.lasting) return;
    this.hold(id);
    this.#timers.set(id, setTimeout(() => this.close(id), toast.undo ? undoMS : shownMS));
  }
}

export const toasts = new Toasts();
