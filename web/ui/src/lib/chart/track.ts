import type { Run } from '@sensocto/client';
import { coordinatesOf, numberAt } from './kinds.ts';
import { MAP, paintPlane, pointsOfRuns, type PlanePath } from './plane.ts';
import type { Pen } from './surface.ts';
import type { Theme } from './theme.ts';
import { niceStep } from './valuescale.ts';

export interface Position {
  readonly time: number;
  readonly latitude: number;
  readonly longitude: number;
  /** Radius of uncertainty in m, where it is known. */
  readonly accuracy?: number;
  /** Measurements are missing before it. */
  readonly gap?: boolean;
}

/** Reads a position out of a document, or null. */
export function positionOf(payload: unknown, time: number): Position | null {
  const coordinates = coordinatesOf(payload);
  if (!coordinates) return null;
  const [longitude, latitude, accuracy] = [...coordinates, 'accuracy'].map((field) => numberAt(field)(payload)) as [number, number, number];
  if (Math.abs(latitude) > 90) return null;
  return { time, latitude, longitude, ...(!Number.isNaN(accuracy) && { accuracy }) };
}

/** The positions behind buckets of latitude and longitude: the last one of each bucket, as it was measured. */
export const trackOf = (latitude: readonly Run[], longitude: readonly Run[]): Position[] =>
  pointsOfRuns(longitude, latitude).flatMap((p) => {
    const position = positionOf({ latitude: p.y, longitude: p.x }, p.time);
    return position ? [p.gap ? { ...position, gap: true } : position] : [];
  });

const METRES_PER_DEGREE = 111_320;

/** Metres east and north of an origin; the earth is flat enough over the way of a person. */
export function metres(p: Position, origin: Position): { x: number; y: number } {
  let east = p.longitude - origin.longitude;
  if (east > 180) east -= 360;
  if (east < -180) east += 360;
  return { x: east * METRES_PER_DEGREE * Math.cos((origin.latitude * Math.PI) / 180), y: (p.latitude - origin.latitude) * METRES_PER_DEGREE };
}

/** How long the way is, in m, as far as it is known: without gaps. */
export function lengthOf(list: readonly Position[]): number {
  let sum = 0;
  for (let i = 1; i < list.length; i++) {
    if ((list[i] as Position).gap) continue;
    const d = metres(list[i] as Position, list[i - 1] as Position);
    sum += Math.hypot(d.x, d.y);
  }
  return sum;
}

/** The way in metres from where it ends. */
export function pathOf(list: readonly Position[]): PlanePath {
  const last = list.at(-1);
  const points = last ? list.map((p) => ({ time: p.time, ...metres(p, last), ...(p.gap && { gap: true }) })) : [];
  return { points, colour: 1, here: points.at(-1) ?? null, radius: last?.accuracy ?? 0 };
}

/** Draws ways without a map: north is up, with a bar for the scale. */
export function paintTrack(pen: Pen, t: Theme, size: { width: number; height: number; ratio: number }, paths: readonly PlanePath[], scaleText: (metres: number) => string): void {
  const { perUnit } = paintPlane(pen, t, size, MAP, paths);
  if (paths.some((p) => p.points.length > 0)) paintScale(pen, t, size, perUnit, scaleText);
}

function paintScale(pen: Pen, t: Theme, { height, ratio }: { height: number; ratio: number }, perMetre: number, text: (metres: number) => string): void {
  const step = niceStep((60 * ratio) / perMetre);
  const [x, y] = [10 * ratio, height - 10 * ratio];
  pen.strokeStyle = pen.fillStyle = t.muted;
  pen.lineWidth = ratio;
  pen.beginPath();
  pen.moveTo(x, y - 4 * ratio);
  pen.lineTo(x, y);
  pen.lineTo(x + step * perMetre, y);
  pen.lineTo(x + step * perMetre, y - 4 * ratio);
  pen.stroke();
  pen.font = `${11 * ratio}px ${t.font}`;
  pen.textAlign = 'left';
  pen.textBaseline = 'bottom';
  pen.fillText(text(step), x + 3 * ratio, y - 2 * ratio);
}
