import type { SampleRing, Theme } from '../../lib/chart/index.ts';
import { paintPlane, SCENE, thinned, type PlanePoint } from '../../lib/chart/plane.ts';
import type { Surface } from '../../lib/chart/surface.ts';

const trailMS = 3000; // what somebody looked at longer ago is only in the way

/** The points of two rings that are filled together, of the last few seconds. */
export function trailOf(x: SampleRing, y: SampleRing): PlanePoint[] {
  const points: PlanePoint[] = [];
  const back = Math.min(x.length, y.length); // of each the newest
  for (let i = 1; i <= back; i++) {
    const time = x.time(x.end - i);
    if (time < x.lastTime - trailMS) break;
    points.push({ time, x: x.value(x.end - i), y: y.value(y.end - i) });
  }
  return thinned(points.reverse());
}

/** Draws where somebody looks, and where they looked in the seconds before. */
export function paintGaze(surface: Surface, t: Theme, x: SampleRing, y: SampleRing, colour: number): void {
  if (surface.width === 0) return;
  const points = trailOf(x, y);
  paintPlane(surface.pen, t, surface, SCENE, [{ points, colour, here: points.at(-1) ?? null }]);
}
