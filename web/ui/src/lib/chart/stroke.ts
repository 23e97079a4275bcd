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

/**
 * Adds the trace of the columns to the path of the pen, a column being one pixel
 * wide. `pen at` says where an earlier column ended, null that none did.
 * Returns where the last one ended, its y in pixels, or NaN.
 */
export function tracePath(pen: Pen, c: Columns, from: number, to: number, p: Placement, joined: boolean): void {
  let down = joined;
  for (let i = from; i < to; i++) {
    if (c.count[i] === 0) continue;
    const x = p.x + i + 0.5;
    const first = p.offset + (c.first[i] as number) * p.factor;
    if (!down || (c.flags[i] as number) & Flag.gap) pen.moveTo(x - 0.5, first);
    down = true;
    pen.lineTo(x, first);
    if (c.count[i] === 1) {
      if (single(c, i)) pen.lineTo(x + 0.5, first);
      continue;
    }
    const min = p.offset + (c.min[i] as number) * p.factor;
    const max = p.offset + (c.max[i] as number) * p.factor;
    const last = p.offset + (c.last[i] as number) * p.factor;
    const rising = last <= first;
    pen.lineTo(x, rising ? min : max);
    pen.lineTo(x, rising ? max : min);
    pen.lineTo(x, last);
  }
}

/** A sample without neighbours would be a line of no length. */
function single(c: Columns, i: number): boolean {
  return ((c.flags[i] as number) & Flag.gap) !== 0 || i === 0 || c.count[i - 1] === 0;
}
