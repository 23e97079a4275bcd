import type { Run } from '@sensocto/client';
import { Flag, type SampleRing } from './ring.ts';
import { GAP, type Reading, type Series } from './series.ts';
import type { Pen } from './surface.ts';
import { usualInterval } from './tile.ts';
import { traceColour, type Theme } from './theme.ts';

/** A point of a plane: x to the right; y up on a map, down on a screen. */
export interface PlanePoint {
  readonly time: number;
  readonly x: number;
  readonly y: number;
  /** No line leads to it: measurements are missing before it. */
  readonly gap?: boolean;
}

/** The way of one sensor over a plane. */
export interface PlanePath {
  readonly points: readonly PlanePoint[];
  /** Number of its colour, 1 to 8. */
  readonly colour: number;
  /** Where it is: a point of its way, or null. */
  readonly here: PlanePoint | null;
  /** Nothing is known of where it is now: `here` is where it was. */
  readonly old?: boolean;
  /** Radius around it that is drawn, in units of the plane; none by default. */
  readonly radius?: number;
  /** What stands beside it. */
  readonly mark?: string;
  /** Number of its shape, see shapeOf; a dot by default. */
  readonly shape?: number;
}

/** What of the plane is shown. */
export interface PlaneFrame {
  /** Always inside: left, top, right, bottom as the plane counts. */
  readonly least?: readonly [number, number, number, number];
  /** The least extent in each direction. */
  readonly span: number;
  /** A unit is as long to the right as upwards. */
  readonly even: boolean;
  readonly down: boolean;
}

/** Ways of people: metres to the east and north. */
export const MAP: PlaneFrame = { span: 20, even: true, down: false };
/** What people look at: parts of the scene or of the screen, from its top left corner. Where a device counts pixels, the plane is as large as they are. */
export const SCENE: PlaneFrame = { least: [0, 0, 1, 1], span: 1, even: false, down: true };

const MOST_POINTS = 1000;

/** The points that two series measured together, no more than can be told apart on a screen: the last one of each short stretch. */
export function pointsOf(x: Series, y: Series, from: number, to: number, msPerColumn: number): PlanePoint[] {
  const across = new Map<number, { readonly value: number; readonly gap: boolean }>();
  x.each(from, to, msPerColumn, (time, value, gap) => across.set(time, { value, gap }));
  const width = (to - from) / MOST_POINTS;
  const points: PlanePoint[] = [];
  let cut = false;
  y.each(from, to, msPerColumn, (time, value, gap) => {
    cut ||= gap;
    const at = across.get(time);
    if (!at || !Number.isFinite(at.value) || !Number.isFinite(value)) return;
    addPoint(points, { time, x: at.value, y: value }, cut || at.gap, width);
    cut = false;
  });
  return points;
}

/** Adds a point, in place of the last one where both are in one stretch of the width. A gap inside a stretch cannot be seen. */
function addPoint(points: PlanePoint[], p: PlanePoint, gap: boolean, width: number): void {
  const last = points.at(-1);
  if (last && Math.floor(last.time / width) === Math.floor(p.time / width)) points[points.length - 1] = last.gap ? { ...p, gap: true } : p;
  else points.push(gap && last ? { ...p, gap: true } : p);
}

/** The points behind buckets of two coordinates: the last one of each bucket, as it was measured. */
export function pointsOfRuns(across: readonly Run[], along: readonly Run[]): PlanePoint[] {
  const [x, y] = [across, along].map((runs) => runs.find((r) => r.kind === 'buckets'));
  if (!x || !y) return [];
  const known = new Map([...x.to].map((time, i) => [time, x.last[i] as number]));
  const most = GAP * usualInterval(y.from, y.to, y.count);
  return [...y.to].flatMap((time, i) => {
    const at = known.get(time);
    const gap = i > 0 && (y.from[i] as number) - (y.to[i - 1] as number) > most;
    return at === undefined ? [] : [{ time, x: at, y: y.last[i] as number, ...(gap && { gap }) }];
  });
}

/** The points of two rings that are filled together, from a time on, oldest first. Steps in time of more than gapMS are gaps. */
export function pointsOfRings(x: SampleRing, y: SampleRing, from: number, gapMS: number): PlanePoint[] {
  const count = Math.min(x.length, y.length, x.end - x.lowerBound(from)); // of each the newest
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = [x.end - count + i, y.end - count + i];
    const time = x.time(a);
    const gap = i > 0 && (((x.flags(a) | y.flags(b)) & Flag.gap) !== 0 || time - x.time(a - 1) > gapMS);
    return { time, x: x.value(a), y: y.value(b), ...(gap && { gap }) };
  });
}

/** Reads a point of a scene or a screen out of a document, or null. */
export function gazeOf(payload: unknown, time: number): PlanePoint | null {
  const p = payload as { x?: unknown; y?: unknown } | null;
  return typeof p === 'object' && p !== null && typeof p.x === 'number' && typeof p.y === 'number' ? { time, x: p.x, y: p.y } : null;
}

/** Every so many points, and always the newest one and those behind gaps. */
export function thinned(points: readonly PlanePoint[]): PlanePoint[] {
  const step = Math.ceil(points.length / MOST_POINTS);
  return points.filter((p, i) => p.gap || (points.length - 1 - i) % step === 0);
}

/** The last point at the time or before it. */
export const pointAt = (points: readonly PlanePoint[], time: number): PlanePoint | null => points.findLast((p) => p.time <= time) ?? null;

/** Where something was at a time. */
export interface Here {
  readonly point: PlanePoint;
  /** ms from then until the time; 0 where it was measured near enough to the time. */
  readonly age: number;
}

/** Where two series say that it was: what was measured near the time, as the chart reads it, or else the last of its points. */
export function hereAt(x: Series, y: Series, points: readonly PlanePoint[], time: number, reach: number, msPerColumn: number): Here | null {
  const usual = Math.max(x.gapMS, y.gapMS); // it is there until the next measurement is missing
  const near = Number.isFinite(usual) ? Math.max(reach, usual) : reach;
  const [a, b] = [x.reading(time, near, msPerColumn), y.reading(time, near, msPerColumn)];
  if (a && b && endOf(a) === endOf(b)) return { point: { time: endOf(a), x: valueOf(a), y: valueOf(b) }, age: 0 };
  const point = pointAt(points, time);
  return point && { point, age: time - point.time > near ? time - point.time : 0 };
}

const endOf = (r: Reading): number => (r.kind === 'sample' ? r.time : r.to);
const valueOf = (r: Reading): number => (r.kind === 'sample' ? r.value : r.mean);

const regular = (corners: number, turn: number): [number, number][] =>
  Array.from({ length: corners }, (_, i) => {
    const a = 2 * Math.PI * (turn + i / corners);
    return [Math.cos(a), Math.sin(a)];
  });

const SHAPES: readonly (readonly [number, number][])[] = [regular(24, 0), regular(4, 1 / 8), regular(3, 3 / 4), regular(4, 0), regular(3, 1 / 4)];

/** The corners of a shape around (0, 0), from 0 on: dot, square, triangle, diamond, inverted triangle, and again. Five shapes and eight colours make forty pairs. */
export const shapeOf = (n: number): readonly (readonly [number, number])[] => SHAPES[n % SHAPES.length] as readonly [number, number][];

export interface PlaneView {
  readonly x: (p: { x: number }) => number;
  readonly y: (p: { y: number }) => number;
  /** Pixels of a unit to the right. */
  readonly perUnit: number;
}

/** Fits the plane into a canvas so that all of the ways are inside. */
export function fitPlane(size: { width: number; height: number; ratio: number }, frame: PlaneFrame, paths: readonly PlanePath[]): PlaneView {
  const [x0, y0, x1, y1] = extentOf(frame, paths);
  const pad = Math.min(20 * size.ratio, 0.1 * Math.min(size.width, size.height));
  const [across, along] = [(size.width - 2 * pad) / Math.max(frame.span, x1 - x0), (size.height - 2 * pad) / Math.max(frame.span, y1 - y0)];
  const [perX, perY] = frame.even ? [Math.min(across, along), Math.min(across, along)] : [across, along];
  const sign = frame.down ? 1 : -1;
  return {
    x: (p) => size.width / 2 + (p.x - (x0 + x1) / 2) * perX,
    y: (p) => size.height / 2 + sign * (p.y - (y0 + y1) / 2) * perY,
    perUnit: perX,
  };
}

function extentOf({ least }: PlaneFrame, paths: readonly PlanePath[]): readonly [number, number, number, number] {
  let [x0, y0, x1, y1] = least ?? [Infinity, Infinity, -Infinity, -Infinity];
  for (const { points } of paths) {
    for (const { x, y } of points) [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  return x0 <= x1 ? [x0, y0, x1, y1] : [0, 0, 0, 0];
}

/** Draws the ways, where each one is, and the border of the scene where there is one. */
export function paintPlane(pen: Pen, t: Theme, size: { width: number; height: number; ratio: number }, frame: PlaneFrame, paths: readonly PlanePath[]): PlaneView {
  pen.fillStyle = t.surface;
  pen.fillRect(0, 0, size.width, size.height);
  const view = fitPlane(size, frame, paths);
  if (frame.least) paintBorder(pen, t, size.ratio, view, frame.least);
  for (const path of paths) paintWay(pen, t, size.ratio, view, path);
  for (const path of paths) paintRadius(pen, t, view, path);
  const taken: [number, number][] = [];
  for (const path of paths) paintHere(pen, t, size.ratio, view, path, taken);
  return view;
}

function paintBorder(pen: Pen, t: Theme, ratio: number, { x, y }: PlaneView, [x0, y0, x1, y1]: readonly [number, number, number, number]): void {
  pen.strokeStyle = t.line;
  pen.lineWidth = ratio;
  pen.beginPath();
  pen.moveTo(x({ x: x0 }), y({ y: y0 }));
  pen.lineTo(x({ x: x1 }), y({ y: y0 }));
  pen.lineTo(x({ x: x1 }), y({ y: y1 }));
  pen.lineTo(x({ x: x0 }), y({ y: y1 }));
  pen.closePath();
  pen.stroke();
}

function paintWay(pen: Pen, t: Theme, ratio: number, { x, y }: PlaneView, { points, colour }: PlanePath): void {
  pen.beginPath();
  points.forEach((p, i) => {
    if (i > 0 && !p.gap) return pen.lineTo(x(p), y(p));
    pen.moveTo(x(p), y(p));
    if (i + 1 === points.length || points[i + 1]?.gap) pen.lineTo(x(p) + 0.01, y(p)); // alone between gaps: a dot
  });
  pen.strokeStyle = traceColour(t, colour);
  pen.lineWidth = 2 * ratio;
  pen.lineJoin = pen.lineCap = 'round';
  pen.stroke();
}

function paintRadius(pen: Pen, t: Theme, { x, y, perUnit }: PlaneView, { here, radius = 0, colour }: PlanePath): void {
  if (!here || radius <= 0) return;
  pen.globalAlpha = 0.15;
  pen.fillStyle = traceColour(t, colour);
  pen.beginPath();
  pen.arc(x(here), y(here), radius * perUnit, 0, 2 * Math.PI);
  pen.fill();
  pen.globalAlpha = 1;
}

function paintHere(pen: Pen, t: Theme, ratio: number, { x, y }: PlaneView, { here, old = false, colour, shape = 0, mark }: PlanePath, taken: [number, number][]): void {
  if (!here) return;
  const r = (mark === undefined ? 4 : 6) * ratio;
  pen.fillStyle = old ? t.surface : traceColour(t, colour); // hollow where it was, full where it is
  pen.strokeStyle = old ? traceColour(t, colour) : t.surface;
  pen.lineWidth = 1.5 * ratio;
  pen.beginPath();
  shapeOf(shape).forEach(([dx, dy], i) => (i === 0 ? pen.moveTo(x(here) + r * dx, y(here) + r * dy) : pen.lineTo(x(here) + r * dx, y(here) + r * dy)));
  pen.closePath();
  pen.fill();
  pen.stroke();
  if (mark === undefined) return;
  const at: [number, number] = [x(here) + 9 * ratio, y(here)];
  while (taken.some(([a, b]) => Math.abs(a - at[0]) < 16 * ratio && Math.abs(b - at[1]) < 12 * ratio)) at[1] += 12 * ratio; // those at one place are written below each other
  taken.push(at);
  pen.fillStyle = old ? t.muted : traceColour(t, colour);
  pen.font = `600 ${12 * ratio}px ${t.font}`;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  pen.fillText(mark, ...at);
}
