import { Reader } from '../bytes.ts';
import { dateTime } from './dateTime.ts';
import { sfloat, type MedicalFloat } from './ieee11073.ts';

/** Pulse Oximeter Service 1.0.1. Values that the oximeter could not measure are null. */
export interface Oximetry {
  /** Oxygen saturation in percent. */
  spo2: MedicalFloat;
  /** Pulse rate a minute. */
  pulseRate: MedicalFloat;
  /** Averaged over a shorter and a longer time; null where they are not sent. */
  fast: { spo2: MedicalFloat; pulseRate: MedicalFloat } | null;
  slow: { spo2: MedicalFloat; pulseRate: MedicalFloat } | null;
  /** Pulse amplitude index in percent; null where it is not sent. */
  amplitude: MedicalFloat;
  /** Bits of section 3.1.4 and 3.1.5 (3.2.4 and 3.2.5); null where they are not sent. */
  measurementStatus: number | null;
  deviceStatus: number | null;
  /** ms since 1970 where the packet has a time and the oximeter's clock is set; otherwise null. */
  time: number | null;
}

/** Section 3.2: PLX Continuous Measurement (0x2A5F). */
export function decodeContinuousOximetry(view: DataView): Oximetry {
  const r = new Reader(view, 'PLX Continuous Measurement');
  const flags = r.u8('flags');
  const normal = pair(r);
  const measurement = {
    ...normal,
    fast: flags & 0x01 ? pair(r) : null,
    slow: flags & 0x02 ? pair(r) : null,
    measurementStatus: flags & 0x04 ? r.u16('measurement status') : null,
    deviceStatus: flags & 0x08 ? r.u24('device status') : null,
    amplitude: flags & 0x10 ? sfloat(r, 'pulse amplitude index') : null,
    time: null,
  };
  if (!(flags & 0xe0)) r.end();
  return measurement;
}

/** Section 3.1: PLX Spot-Check Measurement (0x2A5E). */
export function decodeSpotCheckOximetry(view: DataView): Oximetry {
  const r = new Reader(view, 'PLX Spot-Check Measurement');
  const flags = r.u8('flags');
  const normal = pair(r);
  const time = flags & 0x01 ? dateTime(r) : null;
  const measurement = {
    ...normal,
    fast: null,
    slow: null,
    measurementStatus: flags & 0x02 ? r.u16('measurement status') : null,
    deviceStatus: flags & 0x04 ? r.u24('device status') : null,
    amplitude: flags & 0x08 ? sfloat(r, 'pulse amplitude index') : null,
    time: flags & 0x10 ? null : time,
  };
  if (!(flags & 0xe0)) r.end();
  return measurement;
}

function pair(r: Reader): { spo2: MedicalFloat; pulseRate: MedicalFloat } {
  return { spo2: sfloat(r, 'SpO2'), pulseRate: sfloat(r, 'pulse rate') };
}
