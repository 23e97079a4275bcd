import type { Columns } from './columns.ts';
import { Flag } from './ring.ts';
import type { Pen } from './surface.ts';

/** Where columns and values are on a canvas, in device pixels. */
export interface Placement {
  /** Pixel of the left edge of the column at index 0. */
  readonly x: number;
  /** Pixel of the value: offset + value · factor. */
  readonly offset: number;
  readonly factor: number;
}

/** The y of values between lo (at the bottom) and hi (at the top). */
export function between(top: number, height: number, lo: number, hi: number): Pick<Placement, 'offset' | 'factor'> {
  const factor = -height / (hi - lo);
  return { factor, offset: top - hi * factor };
}

/** A column whose samples span more pixels than this is drawn as a bar. */
const TALL = 4;

/** Where the trace is in a column: y in pixels, and whether a bar covers all between top and bottom. */
interface Extent {
  first: number;
  last: number;
  top: number;
  bottom: number;
  bar: boolean;
}

/**
 * Draws the trace of the columns, a column being one pixel wide: tall columns as
 * bars of `width` pixels with the fill style, the rest as lines that are added to the
 * path of the pen. To stroke a path that goes up and down in every column costs a
 * renderer without a GPU a hundred times as much as the bars. `joined` says that
 * the pen is where an earlier column ended.
 */
export function drawTrace(pen: Pen, c: Columns, p: Placement, width: number, joined: boolean): void {
  const thick = Math.max(1, Math.round(width));
  const now: Extent = { first: 0, last: 0, top: 0, bottom: 0, bar: false };
  let [top, bottom] = [NaN, NaN]; // of the bar in the column before
  let down = joined;
  for (let i = 0; i < c.length; i++) {
    if (c.count[i] === 0) {
      top = bottom = NaN;
      continue;
    }
    measure(c, i, p, now);
    const x = p.x + i + 0.5;
    const covered = now.bar && now.top <= bottom && now.bottom >= top; // the line that leads here is under bars
    if (!down || covered || (c.flags[i] as number) & Flag.gap) pen.moveTo(covered ? x : x - 0.5, now.first);
    down = true;
    if (!covered) pen.lineTo(x, now.first);
    if (now.bar) {
      pen.fillRect(p.x + i - ((thick - 1) >> 1), now.top, thick, now.bottom - now.top);
      pen.moveTo(x, now.last);
    } else addLines(pen, c, i, x, now);
    [top, bottom] = now.bar ? [now.top, now.bottom] : [NaN, NaN];
  }
}

function measure(c: Columns, i: number, p: Placement, to: Extent): void {
  const [a, b] = [p.offset + (c.min[i] as number) * p.factor, p.offset + (c.max[i] as number) * p.factor];
  to.first = p.offset + (c.first[i] as number) * p.factor;
  to.last = p.offset + (c.last[i] as number) * p.factor;
  to.top = Math.min(a, b);
  to.bottom = Math.max(a, b);
  to.bar = to.bottom - to.top > TALL;
}

/** Adds what is inside a column: from its first value over both extremes to its last. */
function addLines(pen: Pen, c: Columns, i: number, x: number, e: Extent): void {
  if (c.count[i] === 1) {
    if (single(c, i)) pen.lineTo(x + 0.5, e.first);
    return;
  }
  const rising = e.last <= e.first;
  pen.lineTo(x, rising ? e.bottom : e.top);
  pen.lineTo(x, rising ? e.top : e.bottom);
  pen.lineTo(x, e.last);
}

/** A sample without neighbours would be a line of no length. */
function single(c: Columns, i: number): boolean {
  return ((c.flags[i] as number) & Flag.gap) !== 0 || i === 0 || c.count[i - 1] === 0;
}
