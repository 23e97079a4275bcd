import { Client, type ClockReading, followPage } from '@sensocto/client';
import { token } from './api.ts';
import { Live } from './live.ts';

/** How the page stands with the server. */
export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'offline';

/** The page's one connection to the server, and what is made of it. */
class Connection {
  #client = $state.raw<Client>();
  #live = $state.raw<Live>();
  #open = $state(false);
  #opened = $state(false);
  #online = $state(navigator.onLine);
  #clock = $state.raw<ClockReading>();
  #stopClock: (() => void) | undefined;
  #state = $derived<ConnectionState>(
    this.#open ? 'connected' : !this.#online ? 'offline' : this.#opened ? 'reconnecting' : 'connecting',
  );

  /** Whether what the server sends arrives now. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** How this machine's clock stands to the server's. */
  get clock(): ClockReading | undefined {
    return this.#clock;
  }

  /** The client of whoever is signed in; another one after a change of identity, so read it in $derived or $effect. */
  get client(): Client {
    if (!this.#client) throw new Error('connection.start() was not called');
    return this.#client;
  }

  /** What the page watches over that client. */
  get live(): Live {
    if (!this.#live) throw new Error('connection.start() was not called');
    return this.#live;
  }

  /** Connects, and follows the network of the machine for as long as the page lives. */
  start(): void {
    addEventListener('online', () => (this.#online = true));
    addEventListener('offline', () => (this.#online = false));
    this.restart();
  }

  /** Connects anew, for another identity: the server binds a connection to the first one. */
  restart(): void {
    this.#live?.close();
    void this.#client?.close();
    const client = new Client({ url: location.origin, token: () => token.get() });
    this.#open = false;
    client.onState(({ state }) => {
      if (client !== this.#client) return; // the one before ends
      this.#open = state === 'open';
      if (this.#open) this.#opened = true;
    });
    this.#stopClock?.();
    this.#stopClock = client.clock.follow();
    client.clock.on('changed', (reading) => client === this.#client && (this.#clock = reading));
    this.#client = client;
    this.#live = new Live(client, followPage);
  }
}

export const connection = new Connection();
