import type { Client, Device, DeviceAttribute, DeviceState, Rejection } from '@sensocto/client';
import type { Entry } from './catalog.ts';
import type { Source, SourceAttribute } from './source.ts';

/** Where what is measured is on its way to the server. */
export interface DeliveryStatus {
  readonly state: DeviceState | 'none';
  readonly error?: Error;
  readonly level: string;
  /** The server asks for so many measurements together, or for what came within so many ms. */
  readonly batchSize: number;
  readonly batchWindow: number;
  readonly paused: boolean;
  /** Samples that are on the server's disk, since the page was loaded. */
  readonly acknowledged: number;
  /** Samples that wait in the outbox. */
  readonly unsent: number;
  /** The outbox is full: what is measured is lost until some of what waits has gone. */
  readonly full: boolean;
  /** Samples that were lost because the outbox was full. */
  readonly refused: number;
  /** Samples that were lost because the server will never take them, and the reason of the last ones. */
  readonly rejected: number;
  readonly reason: string;
  /** The browser has no room for the outbox: what is measured waits in memory, and goes when there is room again. */
  readonly diskFull: boolean;
}

/** The server's side of a sensor: brings what a source measures, by way of the outbox. */
export class Delivery {
  #device: Device | null = null;
  #error: Error | undefined;
  #acknowledged = 0;
  #unsent = 0;
  #full = false;
  #refused = 0;
  #rejected = 0;
  #reason = '';
  #diskFull = false;
  #ends: (() => void)[] = [];
  #finishing = 0;

  constructor(
    private readonly source: Source,
    private readonly connector: { id: string; name: string },
  ) {}

  get isOpen(): boolean {
    return this.#device !== null;
  }

  get status(): DeliveryStatus {
    const config = this.#device?.backpressure.config;
    return {
      state: this.#device?.state ?? 'none',
      ...(this.#error && { error: this.#error }),
      level: config?.attentionLevel ?? 'none',
      batchSize: config?.batchSize ?? 0,
      batchWindow: config?.batchWindow ?? 0,
      paused: config?.paused ?? false,
      acknowledged: this.#acknowledged,
      unsent: this.#device?.unsent ?? 0,
      full: this.#full,
      refused: this.#refused + (this.#device?.refused ?? 0),
      rejected: this.#rejected,
      reason: this.#reason,
      diskFull: this.#diskFull,
    };
  }

  /** Joins as this sensor. What an earlier visit left in the outbox goes out first. */
  open(client: Client, entry: Entry): void {
    this.#finishing++; // one that was about to leave stays
    if (this.#device) return;
    const device = client.device({
      sensorId: entry.id,
      sensorName: entry.name,
      sensorType: entry.kind === 'bluetooth' ? (this.source.attributes[0]?.type ?? '') : entry.kind,
      connectorId: this.connector.id,
      connectorName: this.connector.name,
      attributes: this.source.attributes.map(described),
      ...(entry.room !== undefined && { roomId: entry.room }),
    });
    this.#device = device;
    this.#ends = [
      device.on('unsent', (unsent) => this.#count(unsent)),
      device.on('state', ({ error }) => (this.#error = error)),
      device.on('error', (error) => this.#failed(error)),
      device.on('rejected', (rejection) => this.#reject(rejection)),
      this.source.on('attribute', (a) => void device.registerAttribute(described(a)).catch((error: Error) => (this.#error = error))),
      this.source.on('numbers', ({ attribute, times, values }) => this.#queued(device.queueSamples(attribute, times, values), times.length)),
      this.source.on('document', ({ attribute, time, value }) =>
        this.#queued(device.queueMeasurement({ attribute_id: attribute, payload: value, timestamp: time }), 1),
      ),
    ];
  }

  /** Sends what waits and leaves once the server has it all; where it is away, later. */
  async finish(): Promise<void> {
    const finishing = ++this.#finishing;
    await this.#device?.synced().catch(() => undefined); // it was closed meanwhile
    if (finishing === this.#finishing) await this.close();
  }

  /** Leaves at once. What is not acknowledged stays in the outbox. */
  async close(): Promise<void> {
    const device = this.#device;
    this.#device = null;
    this.#refused += device?.refused ?? 0;
    this.#unsent = 0;
    this.#full = false;
    for (const end of this.#ends) end();
    await device?.close();
  }

  #queued(taken: boolean, samples: number): void {
    this.#full = !taken;
    if (taken) this.#unsent += samples;
  }

  #failed(error: Error): void {
    if (error.name === 'QuotaExceededError') this.#diskFull = true;
    else this.#error = error;
  }

  /** What is fewer than what was put in is what the server has confirmed. */
  #count(unsent: number): void {
    this.#diskFull = false; // the outbox was written
    if (unsent < this.#unsent) {
      this.#acknowledged += this.#unsent - unsent;
      this.#full = false; // there is room again
    }
    this.#unsent = unsent;
  }

  #reject(rejection: Rejection): void {
    this.#rejected += rejection.samples;
    const reason = rejection.errors.at(-1)?.['reason'];
    if (typeof reason === 'string') this.#reason = reason;
    this.#acknowledged -= rejection.samples;
  }
}

function described(a: SourceAttribute): DeviceAttribute {
  return {
    attribute_id: a.id,
    attribute_type: a.type,
    unit: a.unit,
    ...(a.name !== undefined && { attribute_name: a.name }),
    ...(a.rate !== undefined && { sampling_rate: a.rate }),
  };
}
