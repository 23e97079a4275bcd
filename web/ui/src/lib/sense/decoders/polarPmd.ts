import { Reader } from '../bytes.ts';
import { decodeDeltas } from './polarDelta.ts';

/**
 * Data frames of Polar's Measurement Data service (FB005C80-02E7-F387-1CAD-8ACD2D8DF0C8) on FB005C82: Polar BLE SDK,
 * "Polar Measurement Data Specification" and "Time system in Polar sensors".
 */
export const measurementTypes = { 0: 'ecg', 1: 'ppg', 2: 'acc', 3: 'ppi', 5: 'gyro', 6: 'mag' } as const;
export type MeasurementType = (typeof measurementTypes)[keyof typeof measurementTypes];

export interface Vector {
  x: number;
  y: number;
  z: number;
}

/** One interval between pulses. */
export interface PulseInterval {
  heartRate: number;
  /** ms. */
  interval: number;
  /** Estimated error of the interval in ms. */
  error: number;
  /** The sensor moved: the interval is not to be trusted. */
  blocked: boolean;
  /** null where the sensor cannot tell. */
  contact: boolean | null;
}

/** A frame. `time` is that of its last sample by the sensor's clock: ms since 2000; 0 where the sensor does not say. */
export type PmdFrame = { time: number } & (
  | { type: 'ecg'; /** µV */ samples: number[] }
  | { type: 'ppg'; /** three channels of light, then ambient light; no unit */ samples: number[][] }
  | { type: 'acc'; /** g */ samples: Vector[] }
  | { type: 'gyro'; /** degrees a second */ samples: Vector[] }
  | { type: 'mag'; /** Gauss */ samples: Vector[] }
  | { type: 'ppi'; samples: PulseInterval[] }
);

const compressed = 0x80;

/**
 * @param factor what the response to "start" gave for this type: raw numbers of compressed frames times the factor
 *   are in the unit of the type
 */
export function decodePmdFrame(view: DataView, factor = 1): PmdFrame {
  const r = new Reader(view, 'Polar data frame');
  const type = measurementType(r);
  const time = milliseconds(r.u64('timestamp'));
  const kind = r.u8('frame type');
  if (r.left === 0) r.fail('no samples');
  switch (type) {
    case 'ecg':
      if (kind !== 0) unsupported(r, type, kind);
      return { time, type, samples: rows(r, 3, 1).map((row) => row[0] as number) };
    case 'ppg':
      return { time, type, samples: ppg(r, kind) };
    case 'acc':
      return { time, type, samples: acceleration(r, kind, factor) };
    case 'gyro':
      if (kind !== compressed) unsupported(r, type, kind);
      return { time, type, samples: vectors(decodeDeltas(r, 3, 16), factor) };
    case 'mag':
      return { time, type, samples: magnetic(r, kind, factor) };
    case 'ppi':
      if (kind !== 0) unsupported(r, type, kind);
      return { time, type, samples: intervals(r) };
  }
}

export function measurementType(r: Reader): MeasurementType {
  const code = r.u8('measurement type') & 0x3f;
  return measurementTypes[code as keyof typeof measurementTypes] ?? r.fail(`unknown measurement type ${code}`);
}

/** Nanoseconds need more than 53 bits: what is left after the division is exact to a tenth of a microsecond. */
function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n) + Number(nanoseconds % 1_000_000n) / 1e6;
}

function unsupported(r: Reader, type: MeasurementType, kind: number): never {
  return r.fail(`frame type ${kind & 0x7f}${kind & compressed ? ', compressed,' : ''} of ${type} is not known`);
}

/** Uncompressed samples: signed integers of some bytes, so many in a row. */
function rows(r: Reader, size: 1 | 2 | 3, channels: number): number[][] {
  const read = ({ 1: 'i8', 2: 'i16', 3: 'i24' } as const)[size];
  const rows: number[][] = [];
  while (r.left > 0) rows.push(Array.from({ length: channels }, () => r[read]('sample')));
  return rows;
}

function vectors(rows: number[][], factor: number): Vector[] {
  return rows.map(([x, y, z]) => ({ x: x! * factor, y: y! * factor, z: z! * factor }));
}

/** Division and not multiplication by 0.001: mg become the nearest decimals of g. */
function thousandths(rows: number[][], factor: number): Vector[] {
  return rows.map(([x, y, z]) => ({ x: (x! * factor) / 1000, y: (y! * factor) / 1000, z: (z! * factor) / 1000 }));
}

function acceleration(r: Reader, kind: number, factor: number): Vector[] {
  switch (kind) {
    case 0:
      return thousandths(rows(r, 1, 3), 1);
    case 1:
      return thousandths(rows(r, 2, 3), 1);
    case 2:
      return thousandths(rows(r, 3, 3), 1);
    case compressed | 0: // raw numbers times the factor are g here, and mg in type 1
      return vectors(decodeDeltas(r, 3, 16), factor);
    case compressed | 1:
      return thousandths(decodeDeltas(r, 3, 16), factor);
  }
  return unsupported(r, 'acc', kind);
}

function magnetic(r: Reader, kind: number, factor: number): Vector[] {
  if (kind === (compressed | 0)) return vectors(decodeDeltas(r, 3, 16), factor);
  if (kind === (compressed | 1)) return thousandths(decodeDeltas(r, 4, 16), factor); // the fourth is the calibration
  return unsupported(r, 'mag', kind);
}

function ppg(r: Reader, kind: number): number[][] {
  if (kind === 0) return rows(r, 3, 4);
  if (kind === (compressed | 0)) return decodeDeltas(r, 4, 24);
  return unsupported(r, 'ppg', kind);
}

function intervals(r: Reader): PulseInterval[] {
  const intervals: PulseInterval[] = [];
  while (r.left > 0) {
    const heartRate = r.u8('heart rate');
    const interval = r.u16('interval');
    const error = r.u16('error estimate');
    const flags = r.u8('flags');
    const contact = flags & 0x04 ? (flags & 0x02) !== 0 : null;
    intervals.push({ heartRate, interval, error, blocked: (flags & 0x01) !== 0, contact });
  }
  return intervals;
}
