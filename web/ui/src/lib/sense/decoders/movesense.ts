import { DecodeError, Reader } from '../bytes.ts';
import type { Vector } from './polarPmd.ts';

/**
 * GATT SensorData protocol of Movesense (service 34802252-7185-4D5D-B431-630E7050E8F0): commands are written to
 * 34800001, responses and data are notified on 34800002. "GATT SensorData Protocol specification" (GD-77), version 1;
 * layouts of the data by Movesense's API reference (/Meas/…).
 */
export type Measurement = 'ecg' | 'imu6' | 'imu9' | 'heartRate' | 'temperature';

export type Message =
  | { kind: 'response'; reference: number; /** as in HTTP */ status: number }
  | { kind: 'data'; reference: number; data: Uint8Array }
  | { kind: 'rest'; reference: number; data: Uint8Array };

/** Data of one subscription. `time` is in ms since the sensor started, that of the first sample; it wraps around at 2³². */
export type MovesenseData =
  | { type: 'ecg'; time: number; /** mV */ samples: number[] }
  | { type: 'imu'; time: number; samples: { acceleration: Vector; rotation: Vector; field?: Vector }[] }
  | { type: 'heartRate'; heartRate: number; /** ms */ rrIntervals: number[] }
  | { type: 'temperature'; time: number; /** °C */ value: number };

export function subscribeCommand(reference: number, resource: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array([1, reference, ...new TextEncoder().encode(resource)]);
}

export function unsubscribeCommand(reference: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([2, reference]);
}

export function decodeMessage(view: DataView): Message {
  const r = new Reader(view, 'Movesense message');
  const code = r.u8('code');
  const reference = r.u8('reference');
  if (code === 1) return { kind: 'response', reference, status: r.u16('status') };
  if (code !== 2 && code !== 3) r.fail(`unknown code ${code}`);
  return { kind: code === 2 ? 'data' : 'rest', reference, data: r.bytes(r.left, 'data') };
}

/**
 * What does not fit into one notification comes in two, and the first does not say so. So the first data of a
 * subscription waits for the next message, which shows whether this subscription comes in parts.
 */
export class PartJoiner {
  #held: Uint8Array | null = null;
  #split: boolean | null = null;

  /**
   * The data that is whole now, oldest first.
   * @throws DecodeError where a part is missing: the other part is lost, too
   */
  push(message: Message): Uint8Array[] {
    if (message.kind === 'response') return [];
    return message.kind === 'data' ? this.#first(message.data) : this.#rest(message.data);
  }

  #first(data: Uint8Array): Uint8Array[] {
    if (this.#split === false) return [data];
    const held = this.#held;
    this.#held = data.slice();
    if (!held) return [];
    if (this.#split) throw new DecodeError('Movesense data', 'the second part of a packet is missing');
    this.#split = false;
    this.#held = null;
    return [held, data];
  }

  #rest(data: Uint8Array): Uint8Array[] {
    const held = this.#held;
    this.#held = null;
    if (!held) throw new DecodeError('Movesense data', 'the first part of a packet is missing');
    this.#split = true;
    return [new Uint8Array([...held, ...data])];
  }
}

/** One least significant bit of the ECG in mV: 100 mV in 2¹⁸ steps. */
const ecgStep = 100 / 2 ** 18;
const kelvin = 273.15;

export function decodeData(measurement: Measurement, data: Uint8Array): MovesenseData {
  const r = new Reader(new DataView(data.buffer, data.byteOffset, data.byteLength), `Movesense ${measurement}`);
  switch (measurement) {
    case 'ecg':
      return ecg(r);
    case 'imu6':
      return imu(r, 2);
    case 'imu9':
      return imu(r, 3);
    case 'heartRate':
      return heartRate(r);
    case 'temperature':
      return temperature(r);
  }
}

function ecg(r: Reader): MovesenseData {
  const time = r.u32('timestamp');
  const samples: number[] = [];
  do samples.push(r.i32('sample') * ecgStep);
  while (r.left > 0);
  return { type: 'ecg', time, samples };
}

/** All accelerations (m/s²) come first, then all rotations (degrees a second), then all fields (µT). */
function imu(r: Reader, kinds: 2 | 3): MovesenseData {
  const time = r.u32('timestamp');
  const size = kinds * 12;
  if (r.left === 0 || r.left % size !== 0) r.fail(`cut: samples of ${size} bytes, ${r.left} left`);
  const count = r.left / size;
  const read = () => Array.from({ length: count }, () => vector(r));
  const [acceleration, rotation, field] = [read(), read(), kinds === 3 ? read() : null];
  const samples = acceleration.map((a, i) => {
    const sample = { acceleration: a, rotation: rotation[i] as Vector };
    return field ? { ...sample, field: field[i] as Vector } : sample;
  });
  return { type: 'imu', time, samples };
}

function vector(r: Reader): Vector {
  return { x: r.finite('x'), y: r.finite('y'), z: r.finite('z') };
}

/** The only data without a timestamp. */
function heartRate(r: Reader): MovesenseData {
  const rate = r.finite('heart rate');
  const rrIntervals: number[] = [];
  while (r.left > 0) rrIntervals.push(r.u16('RR interval'));
  return { type: 'heartRate', heartRate: rate, rrIntervals };
}

function temperature(r: Reader): MovesenseData {
  const time = r.u32('timestamp');
  const value = Math.round((r.finite('temperature') - kelvin) * 1000) / 1000;
  r.end();
  return { type: 'temperature', time, value };
}
