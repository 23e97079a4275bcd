/** How the page stands with the server. */
export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'offline';

/** What the page shows of its one connection; the client of the page reports to it. */
class ConnectionStatus {
  #open = $state(false);
  #opened = $state(false);
  #online = $state(navigator.onLine);
  #state = $derived<ConnectionState>(
    this.#open ? 'connected' : !this.#online ? 'offline' : this.#opened ? 'reconnecting' : 'connecting',
  );

  get state(): ConnectionState {
    return this.#state;
  }

  report(open: boolean): void {
    this.#open = open;
    if (open) this.#opened = true;
  }

  /** Follows the network of the machine for as long as the page lives. */
  start(): void {
    addEventListener('online', () => (this.#online = true));
    addEventListener('offline', () => (this.#online = false));
  }
}

export const connection = new ConnectionStatus();
