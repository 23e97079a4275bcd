import type { Client, Sensor } from '@sensocto/client';

/** All sensors that one may see, kept up to date. It changes at most a few times a second. */
class Sensors {
  #all = $state.raw<readonly Sensor[]>([]);
  #state = $state<'loading' | 'ready' | 'refused'>('loading');
  #timer: ReturnType<typeof setTimeout> | undefined;

  get all(): readonly Sensor[] {
    return this.#all;
  }
  /** refused: whoever this is may not see the list. */
  get state(): 'loading' | 'ready' | 'refused' {
    return this.#state;
  }

  /** Follows the list of a client until the function that it returns is called. */
  follow(client: Client): () => void {
    const list = client.sensors();
    let ended = false;
    this.#become('loading', []);
    const update = () => {
      this.#timer = undefined;
      if (!ended) this.#become('ready', [...list.sensors.values()]);
    };
    list.on('changed', () => (this.#timer ??= setTimeout(update, 250)));
    list.on('ended', () => this.#become('refused', []));
    list.loaded().then(update, () => undefined);
    return () => {
      ended = true;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#become('loading', []); // the next one may not see what this one did
      void list.close();
    };
  }

  /** Nobody who looks at the page may see the list. */
  refuse(): void {
    this.#become('refused', []);
  }

  #become(state: 'loading' | 'ready' | 'refused', all: readonly Sensor[]): void {
    this.#state = state;
    this.#all = all;
  }
}

/** The sensors that whoever looks at the page may see; App follows them in every view. */
export const sensors = new Sensors();
