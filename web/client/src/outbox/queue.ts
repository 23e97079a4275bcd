/** Runs tasks of one key one after the other. */
export class KeyedQueue {
  #last = new Map<string, Promise<unknown>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const result = before.then(task, task);
    const settled = result.catch(() => undefined);
    this.#last.set(key, settled);
    void settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    return result;
  }
}

/** Leads among the users of one store object. */
export class Leads {
  #queue = new KeyedQueue();

  /** Resolves when the lead is had; it is given up when the signal aborts. */
  lead(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      void this.#queue.run(key, () => {
        if (signal.aborted) return Promise.resolve();
        resolve();
        return new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
      });
    });
  }
}

/** Who is told of changes in one store object. */
export class Watchers {
  #watchers = new Map<string, Set<() => void>>();

  watch(key: string, changed: () => void): () => void {
    const set = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, set.add(changed));
    return () => {
      set.delete(changed);
      if (set.size === 0 && this.#watchers.get(key) === set) this.#watchers.delete(key);
    };
  }

  announce(key: string): void {
    for (const changed of this.#watchers.get(key) ?? []) queueMicrotask(changed);
  }
}
