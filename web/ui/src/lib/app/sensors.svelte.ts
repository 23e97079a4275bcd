import type { Client, Sensor } from '@sensocto/client';

/** All sensors that one may see, kept up to date. It changes at most a few times a second. */
export class Sensors {
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
    const update = () => {
      this.#timer = undefined;
      this.#all = [...list.sensors.values()];
      this.#state = 'ready';
    };
    const soon = () => (this.#timer ??= setTimeout(update, 250));
    list.on('changed', soon);
    list.on('ended', () => (this.#state = 'refused'));
    list.loaded().then(update, () => undefined);
    return () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      void list.close();
    };
  }
}
