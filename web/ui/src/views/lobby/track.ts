import type { Theme } from '../../lib/chart/index.ts';
import { pointsOfRings, thinned } from '../../lib/chart/plane.ts';
import type { Surface } from '../../lib/chart/surface.ts';
import { paintTrack, pathOf } from '../../lib/chart/track.ts';
import type { AttributeFeed } from './feed.ts';

/** Draws where something was as far as its feed reaches back, and where it is. */
export function paintFeedTrack(surface: Surface, t: Theme, feed: AttributeFeed, colour: number, lengthText: (metres: number) => string): void {
  if (surface.width === 0) return;
  const points = thinned(pointsOfRings(feed.ring(0), feed.ring(1), -Infinity, feed.gapMS));
  const positions = points.map(({ x, y, ...p }) => ({ ...p, longitude: x, latitude: y }));
  paintTrack(surface.pen, t, surface, [{ ...pathOf(positions), colour }], lengthText);
}
