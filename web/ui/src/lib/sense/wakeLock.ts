/** `held`: the screen stays on. `away`: it will again once the page is looked at. */
export type WakeState = 'off' | 'held' | 'away' | 'unsupported' | 'refused';

/** Keeps the screen on while something is measured: phones stop sensors and pages when it goes off. */
export class ScreenLock {
  #lock: WakeLockSentinel | null = null;
  #wanted = false;
  #state: WakeState = 'off';

  constructor(private readonly changed: (state: WakeState) => void) {}

  async hold(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = true;
    document.addEventListener('visibilitychange', this.#seen);
    await this.#request();
  }

  async release(): Promise<void> {
    this.#wanted = false;
    document.removeEventListener('visibilitychange', this.#seen);
    const lock = this.#lock;
    this.#lock = null;
    await lock?.release();
    this.#become('off');
  }

  /** Browsers end the lock when the page is hidden, and give none to a hidden page. */
  #seen = (): void => {
    if (document.visibilityState === 'visible') void this.#request();
  };

  async #request(): Promise<void> {
    if (!('wakeLock' in navigator)) return this.#become('unsupported');
    if (this.#lock || document.visibilityState !== 'visible') return;
    try {
      const lock = await navigator.wakeLock.request('screen');
      if (!this.#wanted) return void lock.release();
      this.#lock = lock;
      lock.addEventListener('release', () => this.#released());
      this.#become('held');
    } catch {
      this.#become('refused'); // a low battery, or a setting
    }
  }

  #released(): void {
    this.#lock = null;
    if (this.#wanted) this.#become('away');
  }

  #become(state: WakeState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.changed(state);
  }
}
