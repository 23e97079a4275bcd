// A network between a browser and the program that can be cut.

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Network {
  /** Bytes that went to the browser. */
  received = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(to: URL) {
    this.#server = createServer((near) => {
      if (this.#cut) return void near.destroy();
      const far = connect(Number(to.port), to.hostname);
      far.on('data', (data) => (this.received += data.length));
      for (const [a, b] of [[near, far], [far, near]] as const) {
        this.#sockets.add(a);
        a.pipe(b);
        a.on('error', () => b.destroy());
        a.on('close', () => (this.#sockets.delete(a), b.destroy()));
      }
    });
  }

  /** In front of a server at http://127.0.0.1:PORT. */
  static async before(url: string): Promise<Network> {
    const network = new Network(new URL(url));
    await new Promise<void>((resolve) => network.#server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection and lets none through, until it is mended. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
