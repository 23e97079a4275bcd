import { ApiError } from '@sensocto/client';

/** Asks whoever is signed in to show once more who they are, where the server wants it. The shell shows the dialog. */
class Confirmation {
  #resolve = $state.raw<(confirmed: boolean) => void>();

  /** Whether the dialog is open. */
  get open(): boolean {
    return this.#resolve !== undefined;
  }

  /** Opens the dialog; the answer is whether they did. */
  ask(): Promise<boolean> {
    this.settle(false);
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  settle(confirmed: boolean): void {
    this.#resolve?.(confirmed);
    this.#resolve = undefined;
  }
}

export const confirmation = new Confirmation();

/** Runs a request; where it takes a recent confirmation, asks for that and runs it again. It throws what the request does. */
export async function confirmed<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'confirmation_needed' || !(await confirmation.ask())) throw error;
    return run();
  }
}
