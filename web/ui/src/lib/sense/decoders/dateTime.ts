import type { Reader } from '../bytes.ts';

/**
 * Date Time (GATT Specification Supplement, section 3.70): the device's local time without a zone. Taken as this
 * browser's local time, in ms since 1970; null where a part is not known (0).
 */
export function dateTime(r: Reader): number | null {
  const year = r.u16('year');
  const [month, day, hour, minute, second] = ['month', 'day', 'hour', 'minute', 'second'].map((f) => r.u8(f)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (year === 0 || month === 0 || day === 0) return null;
  const date = new Date(year, month - 1, day, hour, minute, second);
  const same = date.getMonth() === month - 1 && date.getDate() === day;
  if (year < 1582 || year > 9999 || !same || hour > 23 || minute > 59 || second > 59) {
    r.fail(`no such time: ${year}-${month}-${day} ${hour}:${minute}:${second}`);
  }
  return date.getTime();
}
