import { Reader } from '../bytes.ts';

/** Counted turns, and when the last one was counted. */
export interface Revolutions {
  /** Turns since the sensor began; wraps around at 16 or 32 bits. */
  count: number;
  /** Time of the last turn in ticks of the sensor's clock; wraps around at 16 bits. */
  time: number;
}

/** Cycling Speed and Cadence Service 1.0, section 3.1: CSC Measurement (0x2A5B). Ticks are 1/1024 s. */
export interface CyclingSpeed {
  wheel: Revolutions | null;
  crank: Revolutions | null;
}

const hasWheel = 0x01;
const hasCrank = 0x02;
const reserved = 0xfc;

export function decodeCyclingSpeed(view: DataView): CyclingSpeed {
  const r = new Reader(view, 'CSC Measurement');
  const flags = r.u8('flags');
  const wheel = flags & hasWheel ? { count: r.u32('wheel revolutions'), time: r.u16('wheel event time') } : null;
  const crank = flags & hasCrank ? { count: r.u16('crank revolutions'), time: r.u16('crank event time') } : null;
  if (!(flags & reserved)) r.end();
  return { wheel, crank };
}
