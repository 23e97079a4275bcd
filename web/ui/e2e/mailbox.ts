// A mail server that keeps what it is sent, for tests of links that are mailed.

import { createServer, type AddressInfo, type Socket } from 'node:net';

export class Mailbox {
  readonly #server = createServer((socket) => this.#talk(socket));
  readonly #mails: { to: string; text: string }[] = [];

  /** Starts it; host is what the server is configured with. */
  static async open(): Promise<Mailbox> {
    const box = new Mailbox();
    await new Promise<void>((resolve) => box.#server.listen(0, '127.0.0.1', resolve));
    return box;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The link of the newest mail to somebody, if one has come. */
  link(to: string): string | undefined {
    const text = this.#mails.findLast((m) => m.to === to)?.text;
    return text && /http\S+#\S+/.exec(text)?.[0];
  }

  close(): void {
    this.#server.close();
  }

  #talk(socket: Socket): void {
    let text = '';
    let to = '';
    let data: string | undefined;
    const say = (line: string) => socket.write(`${line}\r\n`);
    const hear = (line: string) => {
      if (data !== undefined && line === '.') {
        this.#mails.push({ to, text: decode(data) });
        data = undefined;
        say('250 kept');
      } else if (data !== undefined) data += `${line}\n`;
      else if (/^DATA/i.test(line)) say('354 go on'), (data = '');
      else if (/^QUIT/i.test(line)) say('221 bye'), socket.end();
      else {
        to = /^RCPT TO:<(.+?)>/i.exec(line)?.[1] ?? to;
        say('250 fine');
      }
    };
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      text += bytes.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        hear(text.slice(0, end));
        text = text.slice(end + 2);
      }
    });
    say('220 mailbox');
  }
}

/** Text that was sent as quoted-printable. */
const decode = (text: string) => text.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
