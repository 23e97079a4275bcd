import { DecodeError } from '../bytes.ts';
import { Source, SourceError } from '../source.ts';
import { backoff } from './backoff.ts';
import type { Session } from './profile.ts';
import { profiles } from './profiles/index.ts';

const connectWithin = 20_000;
const endWithin = 2000;

/** A device that was used here before, or is now. */
export interface KnownDevice {
  /** Of the browser, for this site alone; another one for each browser. */
  readonly id: string;
  readonly name: string;
}

/**
 * One device over Bluetooth. Once it is started it is connected until it is stopped: when the connection is lost it is
 * tried again, after longer and longer waits, and at once where the browser tells that the device is in reach.
 */
export class BluetoothSource extends Source {
  readonly kind = 'bluetooth';
  readonly known: KnownDevice;
  #device: BluetoothDevice | null;
  #pick: () => Promise<BluetoothDevice>;
  #sessions = new Map<string, Session>();
  #connected: Session[] = [];
  #wanted = false;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watching: AbortController | undefined;
  #run = 0;

  /** @param pick asks the person for the device where the browser does not remember it; it needs a tap */
  constructor(known: KnownDevice, device: BluetoothDevice | null, pick: () => Promise<BluetoothDevice>) {
    super();
    this.known = known;
    this.#device = device;
    this.#pick = pick;
    if (!device) this.become({ state: 'tap' });
  }

  /** The browser's device; null until it is picked. */
  get device(): BluetoothDevice | null {
    return this.#device;
  }

  /** Connects, also before the time of the next attempt has come. */
  async start(): Promise<void> {
    if (this.#wanted && this.status.state !== 'waiting') return;
    try {
      this.#device ??= await this.#pick();
    } catch (error) {
      this.become({ state: 'tap', error: error as Error });
      return;
    }
    this.#wanted = true;
    this.#attempt = 0;
    await this.#connect(this.#device);
  }

  /** The list of devices may only be shown after a tap. */
  override async recall(): Promise<void> {
    if (this.#device) await this.start();
  }

  async stop(): Promise<void> {
    const sessions = this.#connected;
    this.#wanted = false;
    this.#rest();
    this.#connected = [];
    this.#run++;
    if (this.#device?.gatt?.connected) await within(endWithin, end(sessions)).catch(() => undefined); // the device may be gone
    if (this.#device) this.#disconnect(this.#device);
    this.become({ state: this.#device ? 'stopped' : 'tap' });
  }

  async #connect(device: BluetoothDevice): Promise<void> {
    const run = ++this.#run;
    this.#rest();
    this.become({ state: 'starting' });
    device.ongattserverdisconnected = () => this.#lost(new SourceError('silent'));
    try {
      await within(connectWithin, this.#open(device));
      if (run !== this.#run) return;
      this.#attempt = 0;
      this.become({ state: 'live' });
    } catch (error) {
      if (run !== this.#run) return;
      this.#disconnect(device); // an attempt that came too late must not hold the device
      if (error instanceof SourceError && error.why === 'noProfile') this.#fail(error);
      else this.#lost(error as Error);
    }
  }

  async #open(device: BluetoothDevice): Promise<void> {
    if (!device.gatt) throw new SourceError('unsupported');
    const server = await device.gatt.connect();
    const services = new Map((await server.getPrimaryServices()).map((s) => [s.uuid, s]));
    this.#connected = [];
    for (const profile of profiles) {
      const service = services.get(profile.service);
      if (!service) continue;
      const session = this.#sessions.get(profile.id) ?? profile.open(this.#output());
      this.#sessions.set(profile.id, session);
      if (await this.#begin(profile.id, session, service)) this.#connected.push(session);
    }
    if (this.#connected.length === 0) throw new SourceError('noProfile');
  }

  /** A service that does not work costs no other, as long as the connection stands. */
  async #begin(name: string, session: Session, service: BluetoothRemoteGATTService): Promise<boolean> {
    try {
      await session.connect(service);
      return true;
    } catch (error) {
      if (!service.device.gatt?.connected) throw error;
      this.emit('refused', error instanceof DecodeError ? error : new DecodeError(name, (error as Error).message));
      return false;
    }
  }

  #output() {
    return {
      attribute: this.attribute.bind(this),
      number: this.number.bind(this),
      numbers: this.numbers.bind(this),
      document: this.document.bind(this),
      battery: (percent: number) => this.emit('battery', percent),
      contact: (contact: boolean | null) => this.emit('contact', contact),
      refused: (error: DecodeError) => this.emit('refused', error),
    };
  }

  #lost(error: Error): void {
    const device = this.#device;
    if (!this.#wanted || !device || this.status.state === 'waiting') return;
    this.#run++;
    this.#rest();
    const delay = backoff(this.#attempt++);
    this.become({ state: 'waiting', error, retryAt: Date.now() + delay });
    this.#timer = setTimeout(() => void this.#connect(device), delay);
    void this.#watch(device);
  }

  #fail(error: Error): void {
    this.#wanted = false;
    this.become({ state: 'failed', error });
  }

  /** Where the browser listens for devices, one that comes into reach is connected at once. */
  async #watch(device: BluetoothDevice): Promise<void> {
    if (typeof device.watchAdvertisements !== 'function') return;
    const watching = (this.#watching = new AbortController());
    const heard = (event: BluetoothAdvertisingEvent) => {
      if (event.rssi !== undefined) this.emit('signal', event.rssi);
      if (!watching.signal.aborted) void this.#connect(device);
    };
    device.addEventListener('advertisementreceived', heard, { signal: watching.signal });
    try {
      await device.watchAdvertisements({ signal: watching.signal });
    } catch {
      // not allowed here, or ended: the timer tries again
    }
  }

  /** Also ends an attempt that is under way. */
  #disconnect(device: BluetoothDevice): void {
    device.ongattserverdisconnected = () => undefined;
    device.gatt?.disconnect();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#watching?.abort();
    this.#watching = undefined;
  }
}

async function end(sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) await session.disconnect?.();
}

/** Some platforms never answer. */
function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new SourceError('silent')), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
