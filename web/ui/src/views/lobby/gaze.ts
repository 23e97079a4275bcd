import type { Theme } from '../../lib/chart/index.ts';
import { paintPlane, pointsOfRings, SCENE, thinned } from '../../lib/chart/plane.ts';
import type { Surface } from '../../lib/chart/surface.ts';
import type { AttributeFeed } from './feed.ts';

const trailMS = 3000; // what somebody looked at longer ago is only in the way

/** Draws where somebody looks, and where they looked in the seconds before. */
export function paintGaze(surface: Surface, t: Theme, feed: AttributeFeed, colour: number): void {
  if (surface.width === 0) return;
  const [x, y] = [feed.ring(0), feed.ring(1)];
  const points = thinned(pointsOfRings(x, y, x.lastTime - trailMS, feed.gapMS));
  paintPlane(surface.pen, t, surface, SCENE, [{ points, colour, here: points.at(-1) ?? null }]);
}
