import { Reader } from '../bytes.ts';

/** Heart Rate Service 1.0, section 3.1: Heart Rate Measurement (0x2A37). */
export interface HeartRate {
  /** Beats a minute. */
  heartRate: number;
  /** Whether the sensor touches the skin; null where it cannot tell. */
  contact: boolean | null;
  /** Energy expended since it was reset, in kJ; null where it is not sent. */
  energy: number | null;
  /** Times between beats in ms, oldest first. */
  rrIntervals: number[];
}

const rateIs16Bit = 0x01;
const contactDetected = 0x02;
const contactSupported = 0x04;
const hasEnergy = 0x08;
const hasIntervals = 0x10;
const reserved = 0xe0;

export function decodeHeartRate(view: DataView): HeartRate {
  const r = new Reader(view, 'Heart Rate Measurement');
  const flags = r.u8('flags');
  const heartRate = flags & rateIs16Bit ? r.u16('heart rate') : r.u8('heart rate');
  const contact = flags & contactSupported ? (flags & contactDetected) !== 0 : null;
  const energy = flags & hasEnergy ? r.u16('energy expended') : null;
  const rrIntervals: number[] = [];
  if (flags & hasIntervals) {
    do rrIntervals.push((r.u16('RR interval') * 1000) / 1024);
    while (r.left > 0);
  }
  // A later version of the service may append fields that a flag announces which is reserved today.
  if (!(flags & reserved)) r.end();
  return { heartRate, contact, energy, rrIntervals };
}
