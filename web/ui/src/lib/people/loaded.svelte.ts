import { explain } from '../app/errors.ts';

/** A short list, or anything else, that is read at once. */
export class Loaded<T> {
  #value = $state.raw<T>();
  #problem = $state('');
  #read: () => Promise<T>;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** Undefined until it was read first. */
  get value(): T | undefined {
    return this.#value;
  }
  /** Why it could not be read the last time; empty when it could. */
  get problem(): string {
    return this.#problem;
  }

  reload = async (): Promise<void> => {
    try {
      this.#value = await this.#read();
      this.#problem = '';
    } catch (error) {
      this.#problem = explain(error);
    }
  };
}
