import { Reader } from '../bytes.ts';
import type { Vector } from './polarPmd.ts';

/**
 * Nordic Thingy:52 (EF68xxxx-9B35-4933-9B10-52FFA9740042): "Nordic Thingy:52, Firmware architecture", sections
 * Environment service, User interface service and Motion service. Fixed-point numbers are divided by 2 to the number
 * after the Q, which is exact.
 */
const degreesQ16 = 2 ** 16;
const quaternionQ30 = 2 ** 30;
const accelerationQ10 = 2 ** 10;
const rotationQ5 = 2 ** 5;
const fieldQ4 = 2 ** 4;

/** 0201: int8 whole degrees, uint8 hundredths. */
export function decodeTemperature(view: DataView): number {
  return wholeAndHundredths(new Reader(view, 'Thingy:52 temperature'), 'i8');
}

/** 0202: int32 whole hPa, uint8 hundredths. */
export function decodePressure(view: DataView): number {
  return wholeAndHundredths(new Reader(view, 'Thingy:52 pressure'), 'i32');
}

/** Hundredths count away from zero. The format has no way to say -0.5. */
function wholeAndHundredths(r: Reader, read: 'i8' | 'i32'): number {
  const whole = r[read]('whole part');
  const hundredths = r.u8('hundredths');
  r.end();
  if (hundredths > 99) r.fail(`${hundredths} hundredths`);
  return (whole * 100 + (whole < 0 ? -hundredths : hundredths)) / 100;
}

/** 0203: percent. */
export function decodeHumidity(view: DataView): number {
  const r = new Reader(view, 'Thingy:52 humidity');
  const humidity = r.u8('humidity');
  r.end();
  return humidity <= 100 ? humidity : r.fail(`${humidity} %`);
}

/** 0204: equivalent CO₂ in ppm, volatile organic compounds in ppb. */
export function decodeAirQuality(view: DataView): { eco2: number; tvoc: number } {
  const r = new Reader(view, 'Thingy:52 air quality');
  const quality = { eco2: r.u16('eCO2'), tvoc: r.u16('TVOC') };
  r.end();
  return quality;
}

/** 0205: counts of the colour sensor. */
export function decodeColor(view: DataView): { red: number; green: number; blue: number; clear: number } {
  const r = new Reader(view, 'Thingy:52 colour');
  const color = { red: r.u16('red'), green: r.u16('green'), blue: r.u16('blue'), clear: r.u16('clear') };
  r.end();
  return color;
}

/** 0302: whether the button is pressed. */
export function decodeButton(view: DataView): boolean {
  const r = new Reader(view, 'Thingy:52 button');
  const state = r.u8('state');
  r.end();
  return state <= 1 ? state === 1 : r.fail(`unknown state ${state}`);
}

/** 0402: how often it was tapped, from where. */
export function decodeTap(view: DataView): { direction: string; count: number } {
  const r = new Reader(view, 'Thingy:52 tap');
  const code = r.u8('direction');
  const direction = ['x_up', 'x_down', 'y_up', 'y_down', 'z_up', 'z_down'][code - 1];
  const count = r.u8('count');
  r.end();
  return direction ? { direction, count } : r.fail(`unknown direction ${code}`);
}

/** 0404: 2Q30. */
export function decodeQuaternion(view: DataView): { w: number; x: number; y: number; z: number } {
  const r = new Reader(view, 'Thingy:52 quaternion');
  const [w, x, y, z] = ['w', 'x', 'y', 'z'].map((axis) => r.i32(axis) / quaternionQ30) as [number, number, number, number];
  r.end();
  return { w, x, y, z };
}

/** 0405: steps, and the ms that they took. */
export function decodeSteps(view: DataView): { steps: number; time: number } {
  const r = new Reader(view, 'Thingy:52 step counter');
  const steps = { steps: r.u32('steps'), time: r.u32('time') };
  r.end();
  return steps;
}

/** 0406: acceleration in g (6Q10), rotation in degrees a second (11Q5), magnetic field in µT (12Q4). */
export function decodeRawMotion(view: DataView): { acceleration: Vector; rotation: Vector; field: Vector } {
  const r = new Reader(view, 'Thingy:52 raw motion');
  const vector = (one: number): Vector => ({ x: r.i16('x') / one, y: r.i16('y') / one, z: r.i16('z') / one });
  const motion = { acceleration: vector(accelerationQ10), rotation: vector(rotationQ5), field: vector(fieldQ4) };
  r.end();
  return motion;
}

/** 0407: degrees, 16Q16. */
export function decodeEuler(view: DataView): { roll: number; pitch: number; yaw: number } {
  const r = new Reader(view, 'Thingy:52 Euler angles');
  const [roll, pitch, yaw] = ['roll', 'pitch', 'yaw'].map((angle) => r.i32(angle) / degreesQ16) as [number, number, number];
  r.end();
  return { roll, pitch, yaw };
}

/** 0409: degrees, 16Q16. */
export function decodeHeading(view: DataView): number {
  const r = new Reader(view, 'Thingy:52 heading');
  const heading = r.i32('heading') / degreesQ16;
  r.end();
  return heading;
}

/** 040A: three floats, m/s². */
export function decodeGravity(view: DataView): Vector {
  const r = new Reader(view, 'Thingy:52 gravity');
  const gravity = { x: r.finite('x'), y: r.finite('y'), z: r.finite('z') };
  r.end();
  return gravity;
}
