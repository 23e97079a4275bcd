import { m, text } from './index.svelte.ts';

// Intl objects are expensive to make: one for each locale and set of options.
const made = new Map<string, unknown>();

function once<T>(kind: string, options: object, make: (locale: string) => T): T {
  const key = `${kind} ${text.locale} ${JSON.stringify(options)}`;
  const known = made.get(key) as T | undefined;
  if (known !== undefined) return known;
  const value = make(text.locale);
  made.set(key, value);
  return value;
}

/** A number as people of the language write it. */
export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return once('number', options, (l) => new Intl.NumberFormat(l, options)).format(value);
}

/** The order of names in lists: as people of the language sort, and s2 before s10. */
export function byName(a: string, b: string): number {
  return once('order', { numeric: true }, (l) => new Intl.Collator(l, { numeric: true })).compare(a, b);
}

/** Makes what most views need, before one does: each takes 10 ms, and four times as long on a phone. */
export function prepareFormats(): void {
  number(0);
  byName('', '');
}

/** Units of positions as programs know them: a metre is a hundred-thousandth of a degree. See unitName and withUnit for people. */
export const NORTH = '°N';
export const EAST = '°E';
const DEGREE_DIGITS = 5;

/** A measured value: as many digits as it takes to see a change, no more. */
export function measured(value: number, unit = ''): string {
  if (isCoordinate(unit)) return number(value, { minimumFractionDigits: DEGREE_DIGITS, maximumFractionDigits: DEGREE_DIGITS });
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return number(value, { maximumFractionDigits: digits });
}

export const isCoordinate = (unit: string): boolean => unit === NORTH || unit === EAST;

/** A unit as people of the language write it. */
export const unitName = (unit: string): string => (unit === EAST ? `°${m.chart.direction('E')}` : unit);

/** A measured value with its unit; degrees south and west as such. */
export function withUnit(value: number, unit = ''): string {
  if (!isCoordinate(unit)) return `${measured(value, unit)} ${unit}`.trim();
  const [positive, negative] = unit === NORTH ? (['N', 'S'] as const) : (['E', 'W'] as const);
  return `${measured(Math.abs(value), unit)} °${m.chart.direction(value < 0 ? negative : positive)}`;
}

const moment = (value: Date | number, options: Intl.DateTimeFormatOptions) =>
  once('date', options, (l) => new Intl.DateTimeFormat(l, options)).format(value);

export const date = (value: Date | number): string => moment(value, { dateStyle: 'medium' });
export const time = (value: Date | number): string => moment(value, { timeStyle: 'medium' });
export const timeShort = (value: Date | number): string => moment(value, { timeStyle: 'short' });
export const dateTime = (value: Date | number): string => moment(value, { dateStyle: 'medium', timeStyle: 'short' });

const units = [
  ['year', 31_536_000_000],
  ['month', 2_592_000_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** How long ago, or in how long: "3 minutes ago". */
export function ago(then: number, now: number = Date.now()): string {
  const gap = then - now;
  const [unit, size] = units.find(([, ms]) => Math.abs(gap) >= ms) ?? units[units.length - 1]!;
  return once('ago', {}, (l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto' })).format(Math.trunc(gap / size), unit);
}

/** A length of time in its one or two largest units: "2 hr 5 min", "0.35 sec". */
export function duration(ms: number): string {
  const unit = (value: number, name: string, digits = 0) =>
    number(value, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits });
  if (Math.abs(ms) < 1000) return unit(ms, 'millisecond', Math.abs(ms) < 10 ? 1 : 0);
  if (Math.abs(ms) < 10_000) return unit(ms / 1000, 'second', 2);
  const sizes = units.filter(([name]) => name !== 'month' && name !== 'year');
  let rest = Math.round(Math.abs(ms) / 1000) * 1000;
  const parts: string[] = [];
  for (const [name, size] of sizes) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(unit(count, name));
    else if (parts.length > 0) break;
  }
  return (ms < 0 ? '−' : '') + parts.join(' ');
}

/** A length of a way: "350 m", "1.24 km". */
export function length(metres: number): string {
  return metres >= 1000 ? number(metres / 1000, { style: 'unit', unit: 'kilometer', maximumFractionDigits: 2 }) : number(metres, { style: 'unit', unit: 'meter', maximumFractionDigits: 0 });
}

/** A number of bytes: "1.5 MB". */
export function bytes(value: number): string {
  const names = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let i = 0;
  while (value >= 1000 && i < names.length - 1) {
    value /= 1000;
    i++;
  }
  return number(value, { style: 'unit', unit: names[i]!, unitDisplay: 'short', maximumFractionDigits: value < 10 && i > 0 ? 1 : 0 });
}

/** The form of a word that goes with a count: plural(n, 'sensor', 'sensors'). */
export function plural(count: number, one: string, other: string): string {
  return once('plural', {}, (l) => new Intl.PluralRules(l)).select(count) === 'one' ? one : other;
}
