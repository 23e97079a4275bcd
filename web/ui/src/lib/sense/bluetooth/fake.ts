import { vi } from 'vitest';

// Web Bluetooth in memory, as far as the client uses it, for tests without a browser.

export class FakeCharacteristic {
  oncharacteristicvaluechanged: () => void = () => undefined;
  value: DataView | undefined;
  notifying = false;
  written: Uint8Array[] = [];
  onwrite: (bytes: Uint8Array) => void = () => undefined;
  readonly properties: { notify: boolean; read: boolean; write: boolean; indicate: boolean };

  constructor(
    readonly uuid: string,
    abilities: string,
    readonly initial: DataView = new DataView(new ArrayBuffer(0)),
  ) {
    this.properties = { notify: abilities.includes('n'), read: abilities.includes('r'), write: abilities.includes('w'), indicate: false };
  }

  startNotifications = async () => void (this.notifying = true);
  readValue = async () => {
    this.value = this.initial;
    this.oncharacteristicvaluechanged(); // as browsers do
    return this.initial;
  };
  writeValueWithResponse = async (bytes: Uint8Array) => {
    this.written.push(new Uint8Array(bytes));
    this.onwrite(bytes);
  };

  notify(value: DataView): void {
    if (!this.notifying) throw new Error(`${this.uuid} is not subscribed to`);
    this.value = value;
    this.oncharacteristicvaluechanged();
  }
}

export class FakeDevice extends EventTarget {
  ongattserverdisconnected: () => void = () => undefined;
  connects = vi.fn();
  reachable = true;
  readonly gatt: { connected: boolean; connect: () => Promise<unknown>; disconnect: () => void; getPrimaryServices: () => Promise<unknown[]> };
  watchAdvertisements?: () => Promise<void>;

  constructor(
    readonly id: string,
    readonly name: string,
    readonly services: Record<string, FakeCharacteristic[]>,
  ) {
    super();
    this.gatt = {
      connected: false,
      connect: async () => {
        this.connects();
        if (!this.reachable) throw new DOMException('not in reach', 'NetworkError');
        this.gatt.connected = true;
        return this.gatt;
      },
      disconnect: () => this.drop(),
      getPrimaryServices: async () => Object.entries(this.services).map(([uuid, list]) => this.#service(uuid, list)),
    };
  }

  /** The connection is lost. */
  drop(): void {
    if (!this.gatt.connected) return;
    this.gatt.connected = false;
    for (const c of Object.values(this.services).flat()) c.notifying = false;
    this.ongattserverdisconnected();
  }

  #service(uuid: string, list: FakeCharacteristic[]) {
    const getCharacteristic = async (id: string) => {
      const found = list.find((c) => c.uuid === id);
      if (!found) throw new DOMException('none', 'NotFoundError');
      return found;
    };
    return { uuid, device: this, getCharacteristic };
  }
}

/** A browser that lets the person pick the device, or nothing where there is none. */
export function fakeBluetooth(device: FakeDevice | null, options: { on?: boolean; remembers?: boolean } = {}) {
  const requestDevice = vi.fn(async () => {
    if (!device) throw new DOMException('closed', 'NotFoundError');
    return device;
  });
  const getDevices = options.remembers ? { getDevices: async () => (device ? [device] : []) } : {};
  return { requestDevice, getAvailability: async () => options.on ?? true, ...getDevices } as unknown as Bluetooth & { requestDevice: typeof requestDevice };
}
