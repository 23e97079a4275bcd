export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** How far apart ticks are: so many of a unit. Units from the hour on follow the calendar of the viewer's time zone. */
export interface TickStep {
  readonly unit: 'ms' | 'hour' | 'day' | 'month' | 'year';
  readonly count: number;
  /** About how long that is, in ms. */
  readonly ms: number;
}

export interface Tick {
  readonly time: number;
  /** Begins a greater unit as well: a minute among seconds, a day among hours, a year among months. */
  readonly major: boolean;
}

const step = (unit: TickStep['unit'], count: number, ms: number): TickStep => ({ unit, count, ms });
const MONTH_MS = 30.44 * DAY;
const YEAR_MS = 365.25 * DAY;

const STEPS: readonly TickStep[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => step('ms', n, n)),
  ...[1, 2, 5, 10, 15, 30].map((n) => step('ms', n * SECOND, n * SECOND)),
  ...[1, 2, 5, 10, 15, 30].map((n) => step('ms', n * MINUTE, n * MINUTE)),
  ...[1, 2, 3, 6, 12].map((n) => step('hour', n, n * HOUR)),
  ...[1, 2, 5, 10].map((n) => step('day', n, n * DAY)),
  ...[1, 3, 6].map((n) => step('month', n, n * MONTH_MS)),
  ...[1, 2, 5, 10, 20, 50, 100].map((n) => step('year', n, n * YEAR_MS)),
];

/** The finest step that leaves at least so many ms between ticks. */
export function tickStep(leastMS: number): TickStep {
  return STEPS.find((s) => s.ms >= leastMS) ?? (STEPS.at(-1) as TickStep);
}

/** Ticks from (inclusive) to (inclusive), in order of time. */
export function timeTicks(from: number, to: number, s: TickStep): Tick[] {
  const ticks: Tick[] = [];
  for (let t = firstTick(from, s); t <= to && ticks.length < 1000; t = nextTick(t, s)) {
    ticks.push({ time: t, major: isMajor(t, s) });
  }
  return ticks;
}

function firstTick(from: number, s: TickStep): number {
  let t = floorTick(from, s);
  while (t < from) t = nextTick(t, s);
  return t;
}

/** Minutes east of UTC, as ms. */
const offset = (t: number): number => -MINUTE * new Date(t).getTimezoneOffset();

/** The last tick that is not after the time, or one before that. */
function floorTick(time: number, s: TickStep): number {
  const d = new Date(time);
  switch (s.unit) {
    case 'ms':
      return floorFixed(time, s.count);
    case 'hour':
      if (s.count === 1) return floorFixed(time, HOUR);
      return new Date(d.getFullYear(), d.getMonth(), d.getDate(), 0).getTime();
    case 'day':
      return new Date(d.getFullYear(), d.getMonth(), 1).getTime();
    case 'month':
      return new Date(d.getFullYear(), 0, 1).getTime();
    case 'year':
      return startOfYear(Math.floor(d.getFullYear() / s.count) * s.count);
  }
}

/** The last multiple of the width by local clocks that is not after the time. */
function floorFixed(time: number, width: number): number {
  const o = offset(time);
  return Math.floor((time + o) / width) * width - o;
}

function startOfYear(year: number): number {
  const d = new Date(2000, 0, 1);
  d.setFullYear(year); // Date takes years below 100 for those of the last century
  return d.getTime();
}

function nextTick(t: number, s: TickStep): number {
  const d = new Date(t);
  switch (s.unit) {
    case 'ms':
      return nextFixed(t, s.count);
    case 'hour':
      return s.count === 1 ? nextFixed(t, HOUR) : nextHour(d, s.count);
    case 'day':
      return nextDay(d, s.count);
    case 'month':
      return new Date(d.getFullYear(), d.getMonth() + s.count, 1).getTime();
    case 'year':
      return startOfYear(d.getFullYear() + s.count);
  }
}

/** Where clocks are changed by less than the width, the next tick is by the new clock. */
function nextFixed(t: number, width: number): number {
  const next = floorFixed(t + width, width);
  return next > t ? next : floorFixed(t + 2 * width, width);
}

/** The next multiple of so many hours by local clocks. An hour that clocks skip has no tick. */
function nextHour(d: Date, count: number): number {
  let hour = Math.floor(d.getHours() / count) * count;
  for (let i = 0; i < 24; i++) {
    hour += count;
    const next = new Date(d.getFullYear(), d.getMonth(), d.getDate(), hour);
    if (next.getTime() > d.getTime() && (next.getHours() === hour % 24 || hour >= 24)) return next.getTime();
  }
  return d.getTime() + count * HOUR;
}

/** Days 1, 1 + count … of a month, without one that is close to the first of the next month. */
function nextDay(d: Date, count: number): number {
  const [year, month] = [d.getFullYear(), d.getMonth()];
  const next = new Date(year, month, d.getDate() + count);
  const last = new Date(year, month + 1, 0).getDate();
  const tooClose = next.getMonth() !== month || (count > 1 && last + 1 - next.getDate() < count / 2);
  return count > 1 && tooClose ? new Date(year, month + 1, 1).getTime() : next.getTime();
}

function isMajor(t: number, s: TickStep): boolean {
  const d = new Date(t);
  switch (s.unit) {
    case 'ms':
      if (s.count < SECOND) return d.getMilliseconds() === 0 && t % 1 === 0;
      if (s.count < MINUTE) return d.getSeconds() === 0;
      return d.getHours() === 0 && d.getMinutes() === 0;
    case 'hour':
      return d.getHours() === 0;
    case 'day':
      return d.getDate() === 1;
    case 'month':
      return d.getMonth() === 0;
    case 'year':
      return d.getFullYear() % (10 * s.count) === 0;
  }
}

/** Writes times as the axis and the cursor show them, in the viewer's time zone. */
export class TimeFormat {
  readonly #formats = new Map<string, Intl.DateTimeFormat>();

  constructor(readonly locale: string) {}

  /** The text at a tick. */
  tick(t: Tick, s: TickStep): string {
    switch (s.unit) {
      case 'ms':
        if (s.count < SECOND) return this.#write(t.time, { second: '2-digit', minute: '2-digit', fractionalSecondDigits: 3 });
        if (s.count < MINUTE) return this.#write(t.time, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
        return t.major ? this.#day(t.time) : this.#write(t.time, { hour: '2-digit', minute: '2-digit' });
      case 'hour':
        return t.major ? this.#day(t.time) : this.#write(t.time, { hour: '2-digit', minute: '2-digit' });
      case 'day':
        return this.#day(t.time);
      case 'month':
        return this.#write(t.time, t.major ? { year: 'numeric' } : { month: 'short' });
      case 'year':
        return this.#write(t.time, { year: 'numeric' });
    }
  }

  /** What the ticks leave out: the day where they are hours or less, else the year. */
  context(time: number, s: TickStep): string {
    if (s.unit === 'year') return '';
    if (s.unit === 'month' || s.unit === 'day') return this.#write(time, { year: 'numeric' });
    return this.#write(time, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
  }

  /** A time with everything, as exact as the span of a pixel asks for. */
  exact(time: number, msPerPixel: number): string {
    const day = this.#write(time, { day: 'numeric', month: 'short', year: 'numeric' });
    if (msPerPixel >= HOUR) return day;
    const clock: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
    if (msPerPixel < MINUTE) clock.second = '2-digit';
    if (msPerPixel < 500) clock.fractionalSecondDigits = 3;
    return `${day} ${this.#write(time, clock)}`;
  }

  #day(t: number): string {
    return this.#write(t, { day: 'numeric', month: 'short' });
  }

  #write(t: number, options: Intl.DateTimeFormatOptions): string {
    const key = JSON.stringify(options);
    let f = this.#formats.get(key);
    if (!f) this.#formats.set(key, (f = new Intl.DateTimeFormat(this.locale, { hourCycle: 'h23', ...options })));
    return f.format(t);
  }
}
