import { ApiError } from '@sensocto/client';
import { explain } from '../app/errors.ts';

/** What changes by itself: read again and again while the page is visible. */
export class Polled<T> {
  #value = $state.raw<T>();
  #problem = $state('');
  #reason = $state('');
  #read: (signal: AbortSignal) => Promise<T>;
  #everyMS: number;

  constructor(read: (signal: AbortSignal) => Promise<T>, everyMS: number) {
    this.#read = read;
    this.#everyMS = everyMS;
  }

  /** What was read last; undefined until something was. */
  get value(): T | undefined {
    return this.#value;
  }
  /** Why it could not be read the last time; empty when it could. */
  get problem(): string {
    return this.#problem;
  }
  /** The server's word for that; empty when it gave none. */
  get reason(): string {
    return this.#reason;
  }

  /** Reads until the function that it returns is called. */
  follow(): () => void {
    const stop = new AbortController();
    let reading = false;
    const read = async () => {
      if (reading || document.visibilityState !== 'visible') return;
      reading = true;
      await this.#once(stop.signal);
      reading = false;
    };
    void read();
    const timer = setInterval(read, this.#everyMS);
    document.addEventListener('visibilitychange', read, { signal: stop.signal });
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }

  async #once(signal: AbortSignal): Promise<void> {
    try {
      const value = await this.#read(signal);
      if (signal.aborted) return;
      this.#value = value;
      this.#problem = this.#reason = '';
    } catch (error) {
      if (signal.aborted) return;
      this.#problem = explain(error);
      this.#reason = (error instanceof ApiError && error.reason) || '';
    }
  }
}
