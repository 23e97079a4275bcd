import type { Pen } from './surface.ts';
import type { Theme } from './theme.ts';

/** Paper speeds in mm/s and gains in mm per unit that ECG machines have. */
export const SPEEDS: readonly number[] = [6.25, 12.5, 25, 50, 100];
export const GAINS: readonly number[] = [2.5, 5, 10, 20, 40];

/** How a pane is drawn to scale. */
export interface Paper {
  /** mm for each second. */
  readonly speed: number;
  /** mm for each unit of the value, such as mV. */
  readonly gain: number;
  /** CSS pixels for each mm. */
  readonly pixelsPerMM: number;
}

/** The span in ms that a plot of so many CSS pixels shows at the speed. */
export const paperSpan = (p: Paper, width: number): number => (1000 * width) / p.pixelsPerMM / p.speed;

/** The range of values around the middle that a pane of so many CSS pixels shows at the gain. */
export function paperRange(p: Paper, height: number, middle: number): { lo: number; hi: number } {
  const half = height / p.pixelsPerMM / p.gain / 2;
  return { lo: middle - half, hi: middle + half };
}

interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Draws millimetre paper: thin lines every mm, thick ones every 5 mm. Vertical
 * lines are at fixed times and so move with the trace; horizontal ones have a
 * thick line through zero. Sizes are in device pixels.
 */
export function paintPaper(pen: Pen, t: Theme, area: Area, mm: number, timeOrigin: number, zero: number): void {
  pen.strokeStyle = t.danger;
  for (const every of [1, 5]) {
    if (every === 1 && mm < 2.5) continue; // lines would run together
    pen.globalAlpha = every === 1 ? 0.14 : 0.34;
    pen.lineWidth = 1;
    pen.beginPath();
    verticals(pen, area, mm * every, timeOrigin);
    horizontals(pen, area, mm * every, zero);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function verticals(pen: Pen, { left, right, top, bottom }: Area, step: number, origin: number): void {
  for (let k = Math.ceil((left - origin) / step); origin + k * step < right; k++) {
    const x = Math.floor(origin + k * step) + 0.5;
    pen.moveTo(x, top);
    pen.lineTo(x, bottom);
  }
}

function horizontals(pen: Pen, { left, right, top, bottom }: Area, step: number, zero: number): void {
  for (let k = Math.ceil((top - zero) / step); zero + k * step < bottom; k++) {
    const y = Math.floor(zero + k * step) + 0.5;
    pen.moveTo(left, y);
    pen.lineTo(right, y);
  }
}
