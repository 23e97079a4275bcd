import { DecodeError } from '../bytes.ts';
import type { SourceAttribute } from '../source.ts';
import { wallClock } from '../timing/wallClock.ts';

/** Where the readings of a device go. */
export interface Output {
  attribute(attribute: SourceAttribute): void;
  number(attribute: string, time: number, value: number): void;
  numbers(attribute: string, times: Float64Array<ArrayBuffer>, values: Float64Array<ArrayBuffer>): void;
  document(attribute: string, time: number, value: unknown): void;
  battery(percent: number): void;
  contact(contact: boolean | null): void;
  refused(error: DecodeError): void;
}

/** What a kind of service measures. */
export interface Profile {
  readonly id: string;
  readonly service: string;
  /** A device that offers it is worth listing; otherwise it only comes with others. */
  readonly listed: boolean;
  /** Begins of names of devices that do not advertise the service. */
  readonly names?: readonly string[];
  /** For one device; it lives through all its connections, so that clocks go on after one is lost. */
  open(out: Output): Session;
}

export interface Session {
  /** At each connection: subscribes to what the service has. Throws where it has nothing to subscribe to. */
  connect(service: BluetoothRemoteGATTService): Promise<void>;
  /** Before an orderly end, while the connection is up. */
  disconnect?(): Promise<void>;
}

/** Each 16-bit UUID stands for one of 128 bits. */
export function uuid(short: number): string {
  return `0000${short.toString(16).padStart(4, '0')}-0000-1000-8000-00805f9b34fb`;
}

export type Handler = (view: DataView, arrival: number) => void;

/** Calls the handler with each packet. One that the handler refuses is counted and costs no other. */
export async function subscribe(characteristic: BluetoothRemoteGATTCharacteristic, out: Output, handler: Handler): Promise<void> {
  // A property and not a listener: a browser may give the same object at the next connection.
  characteristic.oncharacteristicvaluechanged = () => {
    const arrival = wallClock.now();
    const view = characteristic.value;
    if (view) guarded(out, () => handler(view, arrival));
  };
  await characteristic.startNotifications();
}

/** Reads a value. As a read fires the same event as a notification, it comes before subscribe. */
export async function read(characteristic: BluetoothRemoteGATTCharacteristic): Promise<DataView> {
  characteristic.oncharacteristicvaluechanged = () => undefined;
  return characteristic.readValue();
}

/** Runs a decoder; what it refuses is reported. */
export function guarded(out: Output, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    out.refused(error);
  }
}

/** The characteristic, or null where the service does not have it: most are optional. */
export async function find(service: BluetoothRemoteGATTService, uuid: string): Promise<BluetoothRemoteGATTCharacteristic | null> {
  try {
    return await service.getCharacteristic(uuid);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return null;
    throw error;
  }
}

/** A session that subscribes to the characteristics that there are. */
export class Subscriptions implements Session {
  constructor(
    private readonly out: Output,
    private readonly handlers: readonly { uuid: string; attributes: readonly SourceAttribute[]; handler: Handler }[],
  ) {}

  async connect(service: BluetoothRemoteGATTService): Promise<void> {
    let found = 0;
    for (const { uuid, attributes, handler } of this.handlers) {
      const characteristic = await find(service, uuid);
      if (!characteristic) continue;
      found++;
      for (const attribute of attributes) this.out.attribute(attribute);
      if (characteristic.properties.read) await this.#read(characteristic, handler);
      if (characteristic.properties.notify || characteristic.properties.indicate) await subscribe(characteristic, this.out, handler);
    }
    if (found === 0) throw new DecodeError(service.uuid, 'the service has none of the characteristics that it must have');
  }

  async #read(characteristic: BluetoothRemoteGATTCharacteristic, handler: Handler): Promise<void> {
    const view = await read(characteristic);
    guarded(this.out, () => handler(view, wallClock.now()));
  }
}
