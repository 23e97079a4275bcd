/** Two points of a pane that a distance is measured between. */
export interface Callipers {
  readonly pane: number;
  readonly timeA: number;
  readonly timeB: number;
  readonly valueA: number;
  readonly valueB: number;
}

/** What callipers show. */
export interface Measured {
  /** ms, never negative. */
  readonly time: number;
  /** How often the distance fits into a minute: the heart rate where it spans one beat. NaN for no distance. */
  readonly perMinute: number;
  /** From the earlier point to the later one. */
  readonly amplitude: number;
}

export function measure(c: Callipers): Measured {
  const time = Math.abs(c.timeB - c.timeA);
  const amplitude = c.timeB >= c.timeA ? c.valueB - c.valueA : c.valueA - c.valueB;
  return { time, perMinute: time > 0 ? 60_000 / time : NaN, amplitude };
}

/** Moves the nearer point, A or B, to where the pointer is. */
export function grab(c: Callipers, time: number, value: number): Callipers {
  return Math.abs(time - c.timeA) < Math.abs(time - c.timeB) ? { ...c, timeA: time, valueA: value } : { ...c, timeB: time, valueB: value };
}
