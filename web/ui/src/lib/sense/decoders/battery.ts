import { Reader } from '../bytes.ts';

/** Battery Service 1.0, section 3.1: Battery Level (0x2A19) in percent. */
export function decodeBatteryLevel(view: DataView): number {
  const r = new Reader(view, 'Battery Level');
  const level = r.u8('level');
  r.end();
  return level <= 100 ? level : r.fail(`${level} %`);
}
