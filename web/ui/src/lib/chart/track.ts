import type { Run } from '@sensocto/client';
import type { Pen } from './surface.ts';
import type { Theme } from './theme.ts';
import { traceColour } from './theme.ts';
import { niceStep } from './valuescale.ts';

export interface Position {
  readonly time: number;
  readonly latitude: number;
  readonly longitude: number;
  /** Radius of uncertainty in m, where it is known. */
  readonly accuracy?: number;
}

/** Reads a position out of a document, or null. */
export function positionOf(payload: unknown, time: number): Position | null {
  const p = payload as { latitude?: unknown; longitude?: unknown; accuracy?: unknown } | null;
  if (typeof p !== 'object' || p === null) return null;
  const { latitude, longitude, accuracy } = p;
  if (typeof latitude !== 'number' || typeof longitude !== 'number' || Math.abs(latitude) > 90) return null;
  return { time, latitude, longitude, ...(typeof accuracy === 'number' && { accuracy }) };
}

/** The positions behind buckets of latitude and longitude: the last one of each bucket, as it was measured. */
export function trackOf(latitude: readonly Run[], longitude: readonly Run[]): Position[] {
  const [north, east] = [latitude, longitude].map((runs) => runs.find((r) => r.kind === 'buckets'));
  if (!north || !east) return [];
  const longitudes = new Map([...east.to].map((time, i) => [time, east.last[i] as number]));
  return [...north.to].flatMap((time, i) => positionOf({ latitude: north.last[i], longitude: longitudes.get(time) }, time) ?? []);
}

const METRES_PER_DEGREE = 111_320;

/** Metres east and north of an origin; the earth is flat enough over the way of a person. */
export function metres(p: Position, origin: Position): { x: number; y: number } {
  let east = p.longitude - origin.longitude;
  if (east > 180) east -= 360;
  if (east < -180) east += 360;
  return { x: east * METRES_PER_DEGREE * Math.cos((origin.latitude * Math.PI) / 180), y: (p.latitude - origin.latitude) * METRES_PER_DEGREE };
}

/** How long the way is, in m. */
export function lengthOf(list: readonly Position[]): number {
  let sum = 0;
  for (let i = 1; i < list.length; i++) {
    const d = metres(list[i] as Position, list[i - 1] as Position);
    sum += Math.hypot(d.x, d.y);
  }
  return sum;
}

const LEAST_METRES = 20;

/** Draws a way without a map: north is up, with a bar for the scale, the last position as a dot. */
export function paintTrack(pen: Pen, t: Theme, size: { width: number; height: number; ratio: number }, list: readonly Position[], scaleText: (metres: number) => string): void {
  const { width, height, ratio } = size;
  pen.fillStyle = t.surface;
  pen.fillRect(0, 0, width, height);
  const last = list.at(-1);
  if (!last) return;
  const points = list.map((p) => metres(p, last));
  const [west, east] = [Math.min(...points.map((p) => p.x)), Math.max(...points.map((p) => p.x))];
  const [south, north] = [Math.min(...points.map((p) => p.y)), Math.max(...points.map((p) => p.y))];
  const pad = 20 * ratio;
  const perMetre = Math.min((width - 2 * pad) / Math.max(LEAST_METRES, east - west), (height - 2 * pad) / Math.max(LEAST_METRES, north - south));
  const x = (p: { x: number }): number => width / 2 + (p.x - (west + east) / 2) * perMetre;
  const y = (p: { y: number }): number => height / 2 - (p.y - (south + north) / 2) * perMetre;
  pen.beginPath();
  points.forEach((p, i) => (i === 0 ? pen.moveTo(x(p), y(p)) : pen.lineTo(x(p), y(p))));
  pen.strokeStyle = traceColour(t, 1);
  pen.lineWidth = 2 * ratio;
  pen.lineJoin = 'round';
  pen.stroke();
  const here = { x: 0, y: 0 };
  paintAccuracy(pen, t, x(here), y(here), (last.accuracy ?? 0) * perMetre);
  pen.fillStyle = traceColour(t, 2);
  pen.beginPath();
  pen.arc(x(here), y(here), 4 * ratio, 0, 2 * Math.PI);
  pen.fill();
  paintScale(pen, t, size, perMetre, scaleText);
}

function paintAccuracy(pen: Pen, t: Theme, x: number, y: number, radius: number): void {
  if (radius <= 0) return;
  pen.globalAlpha = 0.15;
  pen.fillStyle = traceColour(t, 2);
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
  pen.globalAlpha = 1;
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
