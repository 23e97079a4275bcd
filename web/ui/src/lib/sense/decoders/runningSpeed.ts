import { Reader } from '../bytes.ts';

/** Running Speed and Cadence Service 1.0, section 3.1: RSC Measurement (0x2A53). */
export interface RunningSpeed {
  /** m/s. */
  speed: number;
  /** Steps a minute. */
  cadence: number;
  /** m; null where it is not sent. */
  strideLength: number | null;
  /** m since it was reset; null where it is not sent. */
  distance: number | null;
  running: boolean;
}

const hasStride = 0x01;
const hasDistance = 0x02;
const isRunning = 0x04;
const reserved = 0xf8;

export function decodeRunningSpeed(view: DataView): RunningSpeed {
  const r = new Reader(view, 'RSC Measurement');
  const flags = r.u8('flags');
  const measurement = {
    speed: r.u16('speed') / 256,
    cadence: r.u8('cadence'),
    strideLength: flags & hasStride ? r.u16('stride length') / 100 : null,
    distance: flags & hasDistance ? r.u32('total distance') / 10 : null,
    running: (flags & isRunning) !== 0,
  };
  if (!(flags & reserved)) r.end();
  return measurement;
}
