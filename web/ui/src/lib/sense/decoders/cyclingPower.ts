import { Reader } from '../bytes.ts';
import type { Revolutions } from './cyclingSpeed.ts';

/** Cycling Power Service 1.1, section 3.2: Cycling Power Measurement (0x2A63). What is not sent is null. */
export interface CyclingPower {
  /** W. */
  power: number;
  /** Percent of the power, in steps of a half: that of the left pedal where leftBalance is true. */
  balance: number | null;
  leftBalance: boolean;
  /** Nm, summed up over all turns; wraps around at 2048. */
  torque: number | null;
  /** Whether torque was measured at the crank; otherwise at the wheel. */
  crankTorque: boolean;
  /** Ticks of 1/2048 s. */
  wheel: Revolutions | null;
  /** Ticks of 1/1024 s. */
  crank: Revolutions | null;
  /** N. */
  force: { max: number; min: number } | null;
  /** Nm. */
  extremeTorque: { max: number; min: number } | null;
  /** Degrees at which force or torque are greatest and least. */
  angles: { max: number; min: number } | null;
  topDeadSpot: number | null;
  bottomDeadSpot: number | null;
  /** kJ since it was reset. */
  energy: number | null;
}

const flag = {
  balance: 0x0001,
  leftBalance: 0x0002,
  torque: 0x0004,
  crankTorque: 0x0008,
  wheel: 0x0010,
  crank: 0x0020,
  force: 0x0040,
  extremeTorque: 0x0080,
  angles: 0x0100,
  topDeadSpot: 0x0200,
  bottomDeadSpot: 0x0400,
  energy: 0x0800,
  reserved: 0xe000,
};

export function decodeCyclingPower(view: DataView): CyclingPower {
  const r = new Reader(view, 'Cycling Power Measurement');
  const flags = r.u16('flags');
  const has = (f: number) => (flags & f) !== 0;
  const measurement = {
    power: r.i16('power'),
    balance: has(flag.balance) ? r.u8('pedal balance') / 2 : null,
    leftBalance: has(flag.leftBalance),
    torque: has(flag.torque) ? r.u16('accumulated torque') / 32 : null,
    crankTorque: has(flag.crankTorque),
    wheel: has(flag.wheel) ? { count: r.u32('wheel revolutions'), time: r.u16('wheel event time') } : null,
    crank: has(flag.crank) ? { count: r.u16('crank revolutions'), time: r.u16('crank event time') } : null,
    force: has(flag.force) ? { max: r.i16('maximum force'), min: r.i16('minimum force') } : null,
    extremeTorque: has(flag.extremeTorque) ? { max: r.i16('maximum torque') / 32, min: r.i16('minimum torque') / 32 } : null,
    angles: has(flag.angles) ? angles(r) : null,
    topDeadSpot: has(flag.topDeadSpot) ? r.u16('top dead spot') : null,
    bottomDeadSpot: has(flag.bottomDeadSpot) ? r.u16('bottom dead spot') : null,
    energy: has(flag.energy) ? r.u16('accumulated energy') : null,
  };
  if (measurement.balance !== null && measurement.balance > 100) r.fail(`pedal balance of ${measurement.balance} %`);
  if (!has(flag.reserved)) r.end();
  return measurement;
}

/** Two angles of 12 bits share three bytes, the maximum in the lower bits. */
function angles(r: Reader): { max: number; min: number } {
  const both = r.u24('extreme angles');
  return { max: both & 0xfff, min: both >> 12 };
}
