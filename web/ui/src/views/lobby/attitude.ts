import type { Theme } from '../../lib/chart/index.ts';
import { quantityOf, type AttributeLike } from '../../lib/chart/kinds.ts';
import type { Surface } from '../../lib/chart/surface.ts';

/** How something is turned, in radians; heading is missing where nothing measures it. */
export interface Attitude {
  readonly roll: number;
  readonly pitch: number;
  readonly heading?: number;
}

/** The attitude that a payload tells: of a quaternion, of angles, or of gravity in an accelerometer. */
export function attitudeOf(payload: unknown): Attitude | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const p = payload as Record<string, unknown>;
  const [w, x, y, z, alpha, beta, gamma] = ['w', 'x', 'y', 'z', 'alpha', 'beta', 'gamma'].map((k) => finite(p[k]));
  if (alpha !== undefined && beta !== undefined && gamma !== undefined) {
    return { roll: radians(gamma), pitch: radians(beta), heading: radians(alpha) };
  }
  if (x === undefined || y === undefined || z === undefined) return undefined;
  return w === undefined ? ofGravity(x, y, z) : ofQuaternion(w, x, y, z);
}

const finite = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
const radians = (degrees: number) => (degrees * Math.PI) / 180;

function ofQuaternion(w: number, x: number, y: number, z: number): Attitude {
  return {
    roll: Math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)),
    pitch: Math.asin(Math.max(-1, Math.min(1, 2 * (w * y - z * x)))),
    heading: Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)),
  };
}

function ofGravity(x: number, y: number, z: number): Attitude {
  return { roll: Math.atan2(y, z), pitch: Math.atan2(-x, Math.hypot(y, z)) };
}

/** Whether an attribute tells how something is turned, as far as its name and its newest measurement say. */
export function tellsAttitude(a: AttributeLike): boolean {
  const turns = quantityOf(a)?.name;
  if (turns === 'gyroscope' || turns === 'magnetometer') return false;
  return !a.last_value || attitudeOf(a.last_value.payload) !== undefined;
}

/** Draws an artificial horizon: the ground is where gravity points. */
export function paintAttitude({ pen, width, height, ratio }: Surface, t: Theme, a: Attitude | undefined): void {
  pen.fillStyle = t.surface;
  pen.fillRect(0, 0, width, height);
  if (!a || width === 0) return;
  const r = Math.min(width, height) / 2 - 2 * ratio;
  pen.save();
  pen.translate(width / 2, height / 2);
  pen.beginPath();
  pen.arc(0, 0, r, 0, 2 * Math.PI);
  pen.clip();
  pen.rotate(-a.roll);
  const ground = (a.pitch / (Math.PI / 2)) * r;
  pen.globalAlpha = 0.25;
  pen.fillStyle = t.traces[6] as string;
  pen.fillRect(-2 * r, ground, 4 * r, 4 * r);
  pen.globalAlpha = 1;
  line(pen, t.traces[6] as string, 1.5 * ratio, [-2 * r, ground], [2 * r, ground]);
  pen.rotate(a.roll);
  line(pen, t.text, 2 * ratio, [-0.45 * r, 0], [-0.15 * r, 0]);
  line(pen, t.text, 2 * ratio, [0.15 * r, 0], [0.45 * r, 0]);
  pen.restore();
  pen.beginPath();
  pen.arc(width / 2, height / 2, r, 0, 2 * Math.PI);
  pen.strokeStyle = t.muted;
  pen.lineWidth = ratio;
  pen.stroke();
  if (a.heading !== undefined) {
    const [cx, cy, north] = [width / 2, height / 2, -a.heading - Math.PI / 2];
    line(pen, t.danger, 3 * ratio, [cx + 0.8 * r * Math.cos(north), cy + 0.8 * r * Math.sin(north)], [cx + r * Math.cos(north), cy + r * Math.sin(north)]);
  }
}

function line(pen: CanvasRenderingContext2D, colour: string, width: number, from: [number, number], to: [number, number]): void {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}
