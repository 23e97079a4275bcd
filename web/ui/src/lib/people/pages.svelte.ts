import { explain } from '../app/errors.ts';
import type { Page } from './types.ts';

/** Reads a page; after is the `next` of the page before, empty for the first. */
export type Read<T> = (after: string, signal: AbortSignal) => Promise<Page<T>>;

/** A list that is read page by page. */
export class Pages<T> {
  #items = $state.raw<readonly T[]>([]);
  #next = $state<string>();
  #loading = $state(false);
  #problem = $state('');
  #read: Read<T>;
  #asking: AbortController | undefined;

  constructor(read: Read<T>) {
    this.#read = read;
  }

  get items(): readonly T[] {
    return this.#items;
  }
  /** Whether the first page is there. */
  get ready(): boolean {
    return this.#next !== undefined;
  }
  get more(): boolean {
    return this.#next !== undefined && this.#next !== '';
  }
  get loading(): boolean {
    return this.#loading;
  }
  /** Why the last page could not be read; empty when it could. */
  get problem(): string {
    return this.#problem;
  }

  /** Reads from the beginning. What is shown stays until the first page is there. */
  reload(): Promise<void> {
    return this.#load('', (page) => page);
  }

  /** Reads the page that follows. */
  readMore(): Promise<void> {
    return this.#load(this.#next ?? '', (page) => [...this.#items, ...page]);
  }

  /** Changes what is shown, for what was done to the list here. */
  set(items: readonly T[]): void {
    this.#items = items;
  }

  /** Ends what is being read. */
  close(): void {
    this.#asking?.abort();
  }

  async #load(after: string, join: (page: readonly T[]) => readonly T[]): Promise<void> {
    this.#asking?.abort(); // the newest question counts, as in a search
    const asking = (this.#asking = new AbortController());
    this.#loading = true;
    try {
      const page = await this.#read(after, asking.signal);
      if (asking.signal.aborted) return;
      this.#items = join(page.items);
      this.#next = page.next;
      this.#problem = '';
    } catch (error) {
      if (!asking.signal.aborted) this.#problem = explain(error);
    } finally {
      if (this.#asking === asking) this.#loading = false;
    }
  }
}
