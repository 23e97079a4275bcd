import type { Client } from '@sensocto/client';
import { BluetoothSource } from './bluetooth/device.ts';
import type { Entry } from './catalog.ts';
import { claim } from './claim.ts';
import { Delivery, type DeliveryStatus } from './delivery.ts';
import { type Reading, Readings } from './readings.ts';
import type { Source, SourceStatus } from './source.ts';

/** What is shown of a sensor that this browser brings. */
export interface SensedState {
  /** ms since 1970. */
  readonly at: number;
  readonly source: SourceStatus;
  readonly delivery: DeliveryStatus;
  readonly readings: readonly Reading[];
  /** Samples a second. */
  readonly rate: number;
  /** Samples that came. */
  readonly count: number;
  /** When something came last, in ms since 1970; 0 for never. */
  readonly heard: number;
  /** Percent; null where nothing is known of it. */
  readonly battery: number | null;
  readonly contact: boolean | null;
  /** dBm. */
  readonly signal: number | null;
  /** Packets that were refused, and why the last one was. */
  readonly refused: number;
  readonly refusal: string;
  /** Another tab of this browser measures it. */
  readonly isElsewhere: boolean;
}

/** A sensor that this browser brings: what measures, and how it gets to the server. */
export class Sensed {
  readonly source: Source;
  readonly readings: Readings;
  #delivery: Delivery;
  #client: () => Client;
  #changed: (sensed: Sensed) => void;
  #entry = $state.raw<Entry>() as Entry;
  #state = $state.raw<SensedState>() as SensedState;
  #battery: number | null = null;
  #contact: boolean | null = null;
  #signal: number | null = null;
  #refused = 0;
  #refusal = '';
  #stopping: Promise<void> = Promise.resolve();
  #isStopping = false;
  #release: (() => void) | null = null;
  #isElsewhere = false;

  /** @param changed is called when the entry or the state of the source has changed */
  constructor(entry: Entry, source: Source, connector: { id: string; name: string }, client: () => Client, changed: (sensed: Sensed) => void) {
    this.source = source;
    this.readings = new Readings(source);
    this.#delivery = new Delivery(source, connector);
    this.#client = client;
    this.#changed = changed;
    this.#entry = entry;
    source.on('status', () => this.#follow());
    source.on('attribute', () => this.#open()); // before its first sample, and not before there is something to bring
    source.on('battery', (battery) => (this.#battery = battery));
    source.on('contact', (contact) => this.#touch(contact));
    source.on('signal', (signal) => (this.#signal = signal));
    source.on('refused', (error) => {
      this.#refused++;
      this.#refusal = error.message;
    });
    this.update();
  }

  get id(): string {
    return this.#entry.id;
  }
  get entry(): Entry {
    return this.#entry;
  }
  /** As of the last update, a few times a second. */
  get state(): SensedState {
    return this.#state;
  }
  /** Whether it measures, or tries to. */
  get isOn(): boolean {
    return ['starting', 'live', 'waiting'].includes(this.source.status.state);
  }

  /** Whether something is measured or is still on its way to the server. */
  get isBusy(): boolean {
    return this.isOn || this.#delivery.isOpen;
  }

  /** In a click or tap where a permission may be asked. */
  async start(): Promise<void> {
    if (this.#isStopping) await this.#stopping;
    if (!(await this.#claim())) return;
    if (this.source.attributes.length > 0) this.#open();
    await this.source.start();
  }

  /** After a reload: goes on measuring if it did, and sends what the outbox still holds. */
  async recall(unsent: number): Promise<void> {
    if (unsent > 0) this.#open();
    if (this.#entry.running && (await this.#claim())) await this.source.recall();
    if (!this.isOn) await this.#finish();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopping = this.source.stop().finally(() => (this.#isStopping = false));
    await this.#stopping;
    await this.#finish();
  }

  /** Ends at once; what is not acknowledged stays in the outbox. */
  async close(): Promise<void> {
    await this.source.close();
    this.#unclaim();
    await this.#delivery.close();
  }

  /** Changes the name or the room. The server learns of the room with a new join. */
  async change(change: Partial<Pick<Entry, 'name' | 'room' | 'removed' | 'running'>>): Promise<void> {
    const room = this.#entry.room;
    this.#entry = { ...this.#entry, ...change };
    this.#changed(this);
    if (room === this.#entry.room || !this.#delivery.isOpen) return;
    await this.#delivery.close();
    this.#open();
  }

  /** Shows the present state. */
  update(): void {
    const at = Date.now();
    this.#state = {
      at,
      source: this.source.status,
      delivery: this.#delivery.status,
      readings: this.readings.list(),
      rate: this.readings.rate(at),
      count: this.readings.count,
      heard: this.readings.heard,
      battery: this.#battery,
      contact: this.#contact,
      signal: this.#signal,
      refused: this.#refused,
      refusal: this.#refusal,
      isElsewhere: this.#isElsewhere,
    };
  }

  #follow(): void {
    const { state } = this.source.status;
    if (state === 'live' || state === 'stopped') void this.change({ running: state === 'live' });
    if (this.source instanceof BluetoothSource && this.source.device) this.#rememberDevice(this.source.device);
    if (state === 'failed' || state === 'tap') void this.#finish();
    this.update();
    this.#changed(this);
  }

  #open(): void {
    this.#delivery.open(this.#client(), this.#entry);
  }

  #rememberDevice({ id, name }: BluetoothDevice): void {
    if (id !== this.#entry.device?.id) this.#entry = { ...this.#entry, device: { id, name: name ?? this.#entry.device?.name ?? '' } };
  }

  async #claim(): Promise<boolean> {
    this.#release ??= await claim(`sensocto.sense.${this.id}`);
    this.#isElsewhere = this.#release === null;
    this.update();
    return !this.#isElsewhere;
  }

  #unclaim(): void {
    this.#release?.();
    this.#release = null;
  }

  async #finish(): Promise<void> {
    this.#unclaim();
    await this.#delivery.finish();
    this.update();
    this.#changed(this);
  }

  /** Contact is kept as an attribute where the sensor can tell, at each change. */
  #touch(contact: boolean | null): void {
    if (contact === this.#contact) return;
    this.#contact = contact;
    if (contact === null) return;
    this.source.attribute({ id: 'contact', name: 'Contact', type: 'contact', unit: '' });
    this.source.document('contact', Date.now(), contact);
  }
}
