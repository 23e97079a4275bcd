// A heart-rate strap and a Polar H10, as their makers describe them. Each sample
// is another number, so that a test can tell whether it arrived, and how often.

import type { GattEvent, Peripheral, Simulator } from './simulator.ts';

export const short = (n: number) => `0000${n.toString(16)}-0000-1000-8000-00805f9b34fb`;
const pmd = (n: number) => `fb005c8${n}-02e7-f387-1cad-8acd2d8df0c8`;
const hex = (bytes: ArrayLike<number>) => Buffer.from(bytes as number[]).toString('hex');

/** A device in reach of the browser. */
class Device {
  readonly subscribed = new Set<string>();
  connections = 0;

  constructor(
    protected readonly simulator: Simulator,
    readonly peripheral: Peripheral,
  ) {
    simulator.on(peripheral.address, (event: GattEvent) => this.heard(event));
    simulator.command({ do: 'device', ...peripheral });
  }

  /** The connection is lost. */
  drop(): void {
    this.simulator.command({ do: 'drop', address: this.peripheral.address });
  }

  /** Whether the browser may connect. */
  set reachable(reachable: boolean) {
    this.simulator.command({ do: 'reachable', address: this.peripheral.address, reachable });
  }

  protected notify(uuid: string, bytes: ArrayLike<number>): void {
    this.simulator.command({ do: 'notify', address: this.peripheral.address, uuid, value: hex(bytes) });
  }

  protected heard({ event, uuid }: GattEvent): void {
    if (event === 'connected') this.connections++;
    if (event === 'disconnected') this.subscribed.clear();
    if (event === 'subscribed') this.subscribed.add(uuid);
  }
}

/** Heart Rate Service and Battery Service. */
export class Strap extends Device {
  /** Intervals that were sent, in 1/1024 s. */
  readonly sent: number[] = [];

  constructor(simulator: Simulator, address: string, name: string) {
    const measurement = { uuid: short(0x2a37), flags: ['notify' as const] };
    const level = { uuid: short(0x2a19), flags: ['read' as const, 'notify' as const], value: '57' };
    super(simulator, {
      address,
      name,
      services: [
        { uuid: short(0x180d), advertised: true, characteristics: [measurement] },
        { uuid: short(0x180f), characteristics: [level] },
      ],
    });
  }

  get isSubscribed(): boolean {
    return this.subscribed.has(short(0x2a37));
  }

  /** Sends a heart rate, with contact, and intervals that nobody sent before. */
  beat(heartRate: number, intervals: number): void {
    const bytes = [0x16, heartRate];
    for (let i = 0; i < intervals; i++) {
      const ticks = 800 + this.sent.length;
      this.sent.push(ticks);
      bytes.push(ticks & 0xff, ticks >> 8);
    }
    this.notify(short(0x2a37), bytes);
  }

  battery(percent: number): void {
    this.notify(short(0x2a19), [percent]);
  }
}

/** The ECG of a Polar H10: 130 Hz in frames of 73 samples, with the time of the sensor. */
export class PolarH10 extends Device {
  /** µV that were sent while the browser listened. */
  readonly sent: number[] = [];
  /** When the last sample of each frame was taken, by our clock. */
  readonly ends: number[] = [];
  #streaming = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #frame = 0;

  constructor(simulator: Simulator, address: string, name: string) {
    super(simulator, {
      address,
      name,
      services: [
        {
          uuid: pmd(0),
          characteristics: [
            { uuid: pmd(1), flags: ['read', 'write', 'indicate'], value: `0f01${'00'.repeat(15)}` },
            { uuid: pmd(2), flags: ['notify'] },
          ],
        },
      ],
    });
  }

  get isStreaming(): boolean {
    return this.#streaming;
  }

  /** Begins to measure: from then on a frame is due each 73/130 s, whether somebody listens or not. */
  switchOn(): void {
    this.#timer = setInterval(() => this.#measure(), (73 * 1000) / 130);
  }

  switchOff(): void {
    clearInterval(this.#timer);
  }

  protected override heard(event: GattEvent): void {
    super.heard(event);
    if (event.event === 'disconnected') this.#streaming = false;
    if (event.event !== 'written') return;
    const answer = this.#answer(event.value);
    if (answer) this.simulator.command({ do: 'notify', address: this.peripheral.address, uuid: pmd(1), value: answer });
  }

  #answer(command: string): string | null {
    if (command === '0100') return 'f0010000000001820001010e00'; // 130 Hz, 14 bits
    if (command === '02000001820001010e00') {
      this.#streaming = true;
      return 'f002000000';
    }
    if (command === '0300') {
      this.#streaming = false;
      return 'f003000000';
    }
    return `f0${command.slice(0, 4)}01`; // invalid command
  }

  #measure(): void {
    const frame = this.#frame++;
    if (!this.#streaming) return; // what nobody listens to is lost, as with the real one
    const view = new DataView(new ArrayBuffer(10 + 73 * 3));
    const end = ((frame + 1) * 73 * 1000) / 130;
    view.setBigUint64(1, 599616000000000000n + BigInt(Math.round(end * 1e6)), true);
    for (let i = 0; i < 73; i++) {
      const µV = frame * 73 + i - 20_000;
      this.sent.push(µV);
      view.setUint16(10 + 3 * i, µV & 0xffff, true);
      view.setInt8(12 + 3 * i, µV >> 16);
    }
    this.ends.push(Date.now());
    this.notify(pmd(2), new Uint8Array(view.buffer));
  }
}
