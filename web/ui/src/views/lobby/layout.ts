import type { Sensor } from '@sensocto/client';
import type { Group } from './arrange.ts';

export interface Metrics {
  readonly width: number;
  readonly minTileWidth: number;
  readonly tileHeight: number;
  readonly headingHeight: number;
  readonly gap: number;
}

export interface PlacedHeading {
  readonly group: Group;
  readonly y: number;
}

export interface PlacedTile {
  /** Unique on the page: a sensor may be in two groups. */
  readonly key: string;
  readonly sensor: Sensor;
  readonly x: number;
  readonly y: number;
  /** Its number among all tiles, from 0 on. */
  readonly index: number;
}

/** Where everything is; y grows along both lists. */
export interface Layout {
  readonly columns: number;
  readonly tileWidth: number;
  readonly height: number;
  readonly headings: readonly PlacedHeading[];
  readonly tiles: readonly PlacedTile[];
}

/** Puts groups under each other, their tiles into columns. */
export function place(groups: readonly Group[], m: Metrics): Layout {
  const columns = Math.max(1, Math.floor((m.width + m.gap) / (m.minTileWidth + m.gap)));
  const tileWidth = Math.max(0, (m.width - (columns - 1) * m.gap) / columns);
  const headings: PlacedHeading[] = [];
  const tiles: PlacedTile[] = [];
  let y = 0;
  for (const group of groups) {
    if (group.key !== '') {
      headings.push({ group, y });
      y += m.headingHeight;
    }
    for (const [i, sensor] of group.sensors.entries()) {
      const x = (i % columns) * (tileWidth + m.gap);
      tiles.push({ key: `${group.key} ${sensor.sensor_id}`, sensor, x, y: y + Math.floor(i / columns) * (m.tileHeight + m.gap), index: tiles.length });
    }
    y += Math.ceil(group.sensors.length / columns) * (m.tileHeight + m.gap);
  }
  return { columns, tileWidth, height: Math.max(0, y - m.gap), headings, tiles };
}

/** Those of a list, ordered by y, that reach into a stretch. */
export function within<T extends { readonly y: number }>(list: readonly T[], height: number, from: number, to: number): readonly T[] {
  return list.slice(firstWith(list, (t) => t.y + height > from), firstWith(list, (t) => t.y >= to));
}

function firstWith<T>(list: readonly T[], holds: (t: T) => boolean): number {
  let lo = 0;
  let hi = list.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (holds(list[mid] as T)) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}
