import { Emitter } from '@sensocto/client';
import type { DecodeError } from './bytes.ts';

/** One quantity that a source measures; names as in docs/protocol.md. */
export interface SourceAttribute {
  readonly id: string;
  readonly name?: string;
  readonly type: string;
  readonly unit: string;
  /** Hz, where samples come at a fixed rate. */
  readonly rate?: number;
}

/**
 * `stopped`: at rest. `starting`: permission or connection is under way. `live`: it measures. `waiting`: it was lost
 * and comes back by itself. `tap`: it comes back once somebody taps on it. `failed`: it cannot measure, and says why.
 */
export type SourceState = 'stopped' | 'starting' | 'live' | 'waiting' | 'tap' | 'failed';

export interface SourceStatus {
  readonly state: SourceState;
  readonly error?: Error;
  /** While waiting: when it is tried next, in ms since 1970. */
  readonly retryAt?: number;
}

export interface SourceEvents {
  status: SourceStatus;
  /** An attribute was found that was not there before. */
  attribute: SourceAttribute;
  /** Numbers of one attribute, in order; times in ms since 1970. */
  numbers: { attribute: string; times: Float64Array<ArrayBuffer>; values: Float64Array<ArrayBuffer> };
  /** One value that is no number. */
  document: { attribute: string; time: number; value: unknown };
  /** Percent. */
  battery: number;
  /** Whether the sensor touches what it measures; null where it cannot tell. */
  contact: boolean | null;
  /** dBm. */
  signal: number;
  /** A packet was refused: nothing of it was used. */
  refused: DecodeError;
}

export type SourceKind = 'bluetooth' | 'motion' | 'orientation' | 'location' | 'microphone' | 'marker' | 'demo';

/** Why a source cannot measure here; the view has words for each. */
export class SourceError extends Error {
  override readonly name = 'SourceError';

  constructor(
    readonly why: 'unsupported' | 'insecure' | 'denied' | 'off' | 'silent' | 'noProfile',
    cause?: unknown,
  ) {
    super(why, { cause });
  }
}

/** What measures: a device over Bluetooth, or a part of the phone or computer itself. */
export abstract class Source extends Emitter<SourceEvents> {
  abstract readonly kind: SourceKind;
  #attributes: readonly SourceAttribute[] = [];
  #status: SourceStatus = { state: 'stopped' };

  get attributes(): readonly SourceAttribute[] {
    return this.#attributes;
  }

  get status(): SourceStatus {
    return this.#status;
  }

  /** Begins to measure; in a click or tap where a permission may be asked. Never throws: the status says what is. */
  abstract start(): Promise<void>;
  /** Ends what was begun. It may be started again. */
  abstract stop(): Promise<void>;

  /** Goes on after a reload of the page: measures by itself, or waits for a tap where a browser wants one. */
  async recall(): Promise<void> {
    await this.start();
  }

  /** Stops for good. */
  async close(): Promise<void> {
    await this.stop();
    this.removeAllListeners();
  }

  /** Adds an attribute; one that is known is left as it is. */
  attribute(attribute: SourceAttribute): void {
    if (this.#attributes.some((a) => a.id === attribute.id)) return;
    this.#attributes = [...this.#attributes, attribute];
    this.emit('attribute', attribute);
  }

  number(attribute: string, time: number, value: number): void {
    this.emit('numbers', { attribute, times: Float64Array.of(time), values: Float64Array.of(value) });
  }

  numbers(attribute: string, times: Float64Array<ArrayBuffer>, values: Float64Array<ArrayBuffer>): void {
    if (times.length > 0) this.emit('numbers', { attribute, times, values });
  }

  document(attribute: string, time: number, value: unknown): void {
    this.emit('document', { attribute, time, value });
  }

  protected become(status: SourceStatus): void {
    this.#status = status;
    this.emit('status', status);
  }
}
