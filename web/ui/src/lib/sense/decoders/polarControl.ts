import { Reader } from '../bytes.ts';
import { measurementType, measurementTypes, type MeasurementType } from './polarPmd.ts';

/**
 * Control point (FB005C81) of Polar's Measurement Data service: commands that are written, responses that are
 * indicated, features that are read. Polar BLE SDK, "Polar Measurement Data Specification".
 */
const command = { settings: 0x01, start: 0x02, stop: 0x03 } as const;
export type Command = keyof typeof command;

/** What a measurement offers, or is asked for, by name of the setting. */
export interface Settings {
  /** Hz. */
  sampleRate?: number[];
  /** Bits. */
  resolution?: number[];
  /** ± g, or ± degrees a second. */
  range?: number[];
  /** ± thousandths of the unit. */
  rangeMilli?: number[];
  channels?: number[];
  /** What raw numbers of compressed frames are multiplied with. */
  factor?: number[];
}

const settings: readonly { name: keyof Settings; read: 'u8' | 'u16' | 'u32' | 'finite'; size: number }[] = [
  { name: 'sampleRate', read: 'u16', size: 2 },
  { name: 'resolution', read: 'u16', size: 2 },
  { name: 'range', read: 'u16', size: 2 },
  { name: 'rangeMilli', read: 'u32', size: 4 },
  { name: 'channels', read: 'u8', size: 1 },
  { name: 'factor', read: 'finite', size: 4 },
];

export type Response =
  | { kind: 'response'; command: number; type: MeasurementType; error: string | null; settings: Settings; more: boolean }
  | { kind: 'stopped'; types: MeasurementType[] };

/** What the sensor can measure: FB005C81 read. */
export function decodeFeatures(view: DataView): MeasurementType[] {
  const r = new Reader(view, 'Polar features');
  if (r.u8('code') !== 0x0f) r.fail('not a list of features');
  const bits = r.u8('features');
  return Object.entries(measurementTypes).flatMap(([code, type]) => (bits & (1 << Number(code)) ? [type] : []));
}

/** Asks which settings a measurement has. */
export function settingsCommand(type: MeasurementType): Uint8Array<ArrayBuffer> {
  return new Uint8Array([command.settings, code(type)]);
}

export function stopCommand(type: MeasurementType): Uint8Array<ArrayBuffer> {
  return new Uint8Array([command.stop, code(type)]);
}

/** Starts a measurement with one value for each setting that it has. */
export function startCommand(type: MeasurementType, chosen: { [name in keyof Settings]?: number }): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [command.start, code(type)];
  for (const [i, { name, size }] of settings.entries()) {
    const value = chosen[name];
    if (value === undefined || name === 'factor') continue; // the factor is the sensor's to say
    bytes.push(i, 1);
    for (let b = 0; b < size; b++) bytes.push((value >>> (8 * b)) & 0xff);
  }
  return new Uint8Array(bytes);
}

/** Whether a response answers this command. */
export function answers(response: Response, to: Command, type: MeasurementType): boolean {
  return response.kind === 'response' && response.command === command[to] && response.type === type;
}

/** What the sensor indicates. */
export function decodeControl(view: DataView): Response {
  const r = new Reader(view, 'Polar control point');
  const kind = r.u8('code');
  if (kind === 0x01) {
    const types: MeasurementType[] = [];
    while (r.left > 0) types.push(measurementType(r));
    return { kind: 'stopped', types };
  }
  if (kind !== 0xf0) r.fail(`unknown code ${kind}`);
  const answered = r.u8('command');
  const type = measurementType(r);
  const status = r.u8('error code');
  const more = r.left > 0 && r.u8('more') !== 0;
  const error = status === 0 ? null : (errors[status - 1] ?? `error ${status}`);
  return { kind: 'response', command: answered, type, error, more, settings: error ? {} : decodeSettings(r) };
}

const errors = [
  'invalid command',
  'invalid measurement type',
  'not supported',
  'invalid length',
  'invalid parameter',
  'already in this state',
  'invalid resolution',
  'invalid sample rate',
  'invalid range',
  'invalid MTU',
  'invalid number of channels',
  'invalid state',
  'the device is in its charger',
  'the disk is full',
];

function decodeSettings(r: Reader): Settings {
  const found: Settings = {};
  while (r.left > 0) {
    const type = r.u8('setting');
    const count = r.u8('number of values');
    const known = settings[type];
    if (!known) return found; // the length of a setting that is not known is not known either
    found[known.name] = Array.from({ length: count }, () => r[known.read](known.name));
  }
  return found;
}

function code(type: MeasurementType): number {
  return Number(Object.entries(measurementTypes).find(([, name]) => name === type)![0]);
}
