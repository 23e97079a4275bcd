import { DecodeError } from '../../bytes.ts';
import { LineDecoder, parseLine } from '../../decoders/nordicUart.ts';
import { find, type Output, type Profile, type Session, subscribe } from '../profile.ts';

const service = '6e400001-b5a3-f393-e0a9-e50e24dcca9e';
const tx = '6e400003-b5a3-f393-e0a9-e50e24dcca9e';
/** A device that makes up names must not fill the server's list of attributes. */
const mostAttributes = 64;

export const nordicUart: Profile = { id: 'nordic_uart', service, listed: true, open: (out) => new Uart(out) };

class Uart implements Session {
  #lines = new LineDecoder();
  #names = new Set<string>();

  constructor(private readonly out: Output) {}

  async connect(service: BluetoothRemoteGATTService): Promise<void> {
    this.#lines.reset();
    const characteristic = await find(service, tx);
    if (!characteristic) throw new DecodeError('Nordic UART', 'the service has no characteristic to read from');
    await subscribe(characteristic, this.out, (view, arrival) => {
      for (const line of this.#lines.push(view)) this.#report(line, arrival);
    });
  }

  #report(line: string | DecodeError, arrival: number): void {
    if (line instanceof DecodeError) return this.out.refused(line);
    const parsed = parseLine(line);
    if ('text' in parsed) {
      if (this.#knows('line', 'string')) this.out.document('line', arrival, parsed.text);
      return;
    }
    for (const [name, value] of parsed.numbers) if (this.#knows(name, name)) this.out.number(name, arrival, value);
  }

  #knows(name: string, type: string): boolean {
    if (this.#names.has(name)) return true;
    if (this.#names.size >= mostAttributes) {
      this.out.refused(new DecodeError('Nordic UART', `more than ${mostAttributes} different names`));
      return false;
    }
    this.#names.add(name);
    this.out.attribute({ id: name, type, unit: '' });
    return true;
  }
}
