type Handlers<Events> = { [K in keyof Events]?: Set<(event: Events[K]) => void> };

/** Typed events. A listener that throws does not keep others from being called. */
export class Emitter<Events extends object> {
  #handlers: Handlers<Events> = {};

  /** Calls the listener at each event of a type. The function that it returns ends that. */
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void {
    const set = (this.#handlers[type] ??= new Set());
    set.add(listener);
    return () => void set.delete(listener);
  }

  /** Resolves with the next event of a type. */
  next<K extends keyof Events>(type: K): Promise<Events[K]> {
    return new Promise((resolve) => {
      const off = this.on(type, (event) => {
        off();
        resolve(event);
      });
    });
  }

  protected emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of this.#handlers[type] ?? []) {
      try {
        listener(event);
      } catch (err) {
        queueMicrotask(() => {
          throw err; // reported as any uncaught error is
        });
      }
    }
  }

  protected removeAllListeners(): void {
    this.#handlers = {};
  }
}
