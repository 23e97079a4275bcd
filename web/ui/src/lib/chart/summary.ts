import { Columns } from './columns.ts';
import type { Series } from './series.ts';

/** A row of the table that stands for a chart: what a stretch of it holds. */
export interface Row {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
}

/** Divides what is on the screen, columns of msPerColumn, into rows; stretches without measurements are left out. */
export function rowsOf(series: Series, from: number, to: number, rows: number, msPerColumn: number): Row[] {
  const c = new Columns();
  const start = Math.floor(from / msPerColumn);
  series.fill(c, start, Math.ceil(to / msPerColumn), msPerColumn);
  const each = Math.max(1, Math.ceil(c.length / rows));
  const list: Row[] = [];
  for (let a = 0; a < c.length; a += each) {
    const row = rowOf(c, a, Math.min(c.length, a + each), msPerColumn);
    if (row) list.push(row);
  }
  return list;
}

function rowOf(c: Columns, a: number, b: number, msPerColumn: number): Row | null {
  let [count, min, max, last] = [0, Infinity, -Infinity, NaN];
  for (let i = a; i < b; i++) {
    if (c.count[i] === 0) continue;
    count += c.count[i] as number;
    min = Math.min(min, c.min[i] as number);
    max = Math.max(max, c.max[i] as number);
    last = c.last[i] as number;
  }
  return count === 0 ? null : { from: (c.start + a) * msPerColumn, to: (c.start + b) * msPerColumn, count, min, max, last };
}

/** What can be said of the stretch in a sentence. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
  /** Change per minute, by a line through the middles of parts of the stretch; 0 where it is small beside the range, NaN where there are too few. */
  readonly perMinute: number;
  /** Measurements a second. */
  readonly rate: number;
}

export function summaryOf(series: Series, from: number, to: number, msPerColumn: number): Summary | null {
  const rows = rowsOf(series, from, to, 40, msPerColumn);
  const last = rows.at(-1);
  if (!last) return null;
  const count = rows.reduce((n, r) => n + r.count, 0);
  const covered = last.to - (rows[0] as Row).from;
  return {
    count,
    min: Math.min(...rows.map((r) => r.min)),
    max: Math.max(...rows.map((r) => r.max)),
    last: last.last,
    perMinute: slope(rows),
    rate: series.options.rate || (1000 * count) / covered,
  };
}

function slope(rows: readonly Row[]): number {
  if (rows.length < 3) return NaN;
  const t0 = (rows[0] as Row).from;
  const points = rows.map((r) => [((r.from + r.to) / 2 - t0) / 60_000, (r.min + r.max) / 2] as const);
  const n = points.length;
  const [mt, mv] = [points.reduce((s, p) => s + p[0], 0) / n, points.reduce((s, p) => s + p[1], 0) / n];
  const up = points.reduce((s, p) => s + (p[0] - mt) * (p[1] - mv), 0);
  const slope = up / points.reduce((s, p) => s + (p[0] - mt) ** 2, 0);
  const range = Math.max(...rows.map((r) => r.max)) - Math.min(...rows.map((r) => r.min));
  const change = Math.abs(slope * ((points.at(-1) as readonly [number, number])[0] - (points[0] as readonly [number, number])[0]));
  return change > range / 3 ? slope : 0; // a wave that begins low and ends high is not rising
}
