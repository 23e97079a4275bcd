import { Reader } from '../bytes.ts';
import { dateTime } from './dateTime.ts';
import { float, type MedicalFloat } from './ieee11073.ts';

/** Health Thermometer Service 1.0, section 3.1: Temperature Measurement (0x2A1C), Intermediate Temperature (0x2A1E). */
export interface Temperature {
  /** In the unit below; null where the thermometer has no value. */
  value: MedicalFloat;
  unit: '°C' | '°F';
  /** ms since 1970; null where the packet has no time, or a part of it is not known. */
  time: number | null;
  /** Where it was measured; null where it is not sent. */
  site: string | null;
}

/** Temperature Type (0x2A1D), from 1. */
const sites = ['armpit', 'body', 'ear', 'finger', 'gastrointestinal', 'mouth', 'rectum', 'toe', 'ear_drum'];

export function decodeTemperature(view: DataView): Temperature {
  const r = new Reader(view, 'Temperature Measurement');
  const flags = r.u8('flags');
  const measurement: Temperature = {
    value: float(r, 'temperature'),
    unit: flags & 0x01 ? '°F' : '°C',
    time: flags & 0x02 ? dateTime(r) : null,
    site: flags & 0x04 ? site(r) : null,
  };
  if (!(flags & 0xf8)) r.end();
  return measurement;
}

function site(r: Reader): string {
  const type = r.u8('temperature type');
  return sites[type - 1] ?? r.fail(`unknown temperature type ${type}`);
}

/** The value in °C, rounded to what a thermometer of a thousandth of a degree shows. */
export function celsius(t: Temperature): MedicalFloat {
  if (t.value === null || t.unit === '°C') return t.value;
  return Math.round(((t.value - 32) * 5000) / 9) / 1000;
}
