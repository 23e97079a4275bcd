import type { Sensor } from '@sensocto/client';
import { contentOf, type Content } from '../../views/lobby/content.ts';

const most = 2; // sensors that a tile has room for

/** The sensors of somebody that a tile of the call shows, and how many more there are. */
export function sharedBy(sensors: readonly Sensor[], userId: string | undefined): { shown: readonly Sensor[]; more: number } {
  const all = userId ? sensors.filter((s) => s.shared_by === userId) : [];
  return { shown: all.slice(0, most), more: Math.max(0, all.length - most) };
}

/** What a tile of the call shows of a sensor: one trace and one number, and how many values there are beside them. */
export function briefly(sensor: Sensor): Pick<Content, 'main'> & { number: Content['main']; more: number } {
  const { main, numbers } = contentOf(sensor, 'overview');
  const number = numbers[0];
  return { main, number, more: sensor.attributes.length - [main, number].filter(Boolean).length };
}
