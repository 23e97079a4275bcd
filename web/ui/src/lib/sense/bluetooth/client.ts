import { SourceError } from '../source.ts';
import { BluetoothSource, type KnownDevice } from './device.ts';
import { profiles } from './profiles/index.ts';

const services = profiles.map((p) => p.service);
const filters: BluetoothLEScanFilter[] = [
  ...profiles.filter((p) => p.listed).map((p) => ({ services: [p.service] })),
  ...[...new Set(profiles.flatMap((p) => p.names ?? []))].map((namePrefix) => ({ namePrefix })),
];

/** Devices over Web Bluetooth: picks them, finds those of earlier visits, and ends them all with close(). */
export class BluetoothClient {
  #bluetooth: Bluetooth | undefined;
  #sources = new Set<BluetoothSource>();

  constructor(bluetooth: Bluetooth | undefined = globalThis.navigator?.bluetooth) {
    this.#bluetooth = bluetooth;
  }

  /** Whether this browser has Web Bluetooth at all. */
  get isSupported(): boolean {
    return this.#bluetooth !== undefined;
  }

  /** Whether the browser connects devices of earlier visits without a tap. */
  get remembers(): boolean {
    return typeof this.#bluetooth?.getDevices === 'function';
  }

  /** Whether there is an adapter and it is on. */
  async isOn(): Promise<boolean> {
    return (await this.#bluetooth?.getAvailability()) ?? false;
  }

  get sources(): readonly BluetoothSource[] {
    return [...this.#sources];
  }

  /**
   * Lets the person pick a device, in a click or tap; null where they picked none. A device that is there already is
   * returned again.
   *
   * @param all also devices that do not say that they offer what is understood here
   * @throws SourceError where the browser cannot or may not
   */
  async pick({ all = false } = {}): Promise<BluetoothSource | null> {
    const device = await this.#request(all ? { acceptAllDevices: true } : { filters });
    return device && this.#add({ id: device.id, name: device.name ?? '' }, device);
  }

  /** Devices of earlier visits. Those that the browser remembers need only be started; others need a tap. */
  async recall(known: readonly KnownDevice[]): Promise<BluetoothSource[]> {
    const remembered = this.remembers ? await this.#bluetooth!.getDevices().catch(() => []) : [];
    return known.map((k) => this.#add(k, remembered.find((d) => d.id === k.id) ?? null));
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const sources = this.sources;
    this.#sources.clear();
    await Promise.all(sources.map((s) => s.close()));
  }

  #add(known: KnownDevice, device: BluetoothDevice | null): BluetoothSource {
    for (const source of this.#sources) if (source.device?.id === known.id || source.known.id === known.id) return source;
    const source = new BluetoothSource(known, device, () => this.#pickAgain(known));
    this.#sources.add(source);
    return source;
  }

  /** The list shows the device alone, by its name. */
  async #pickAgain({ name }: KnownDevice): Promise<BluetoothDevice> {
    const device = await this.#request({ filters: name ? [{ name }] : filters });
    if (!device) throw new SourceError('denied');
    return device;
  }

  async #request(options: { filters: BluetoothLEScanFilter[] } | { acceptAllDevices: true }): Promise<BluetoothDevice | null> {
    if (!this.#bluetooth) throw new SourceError('unsupported');
    try {
      return await this.#bluetooth.requestDevice({ ...options, optionalServices: services });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      if (error.name === 'NotFoundError' && (await this.isOn())) return null; // the list was closed
      if (error.name === 'NotFoundError') throw new SourceError('off', error);
      if (error.name === 'SecurityError') throw new SourceError(globalThis.isSecureContext ? 'denied' : 'insecure', error);
      throw error;
    }
  }
}
