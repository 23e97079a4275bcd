import type { Room, Sensor } from '@sensocto/client';
import { byName } from '../../lib/text/format.ts';
import { hasLens, type Lens } from './content.ts';

export type Grouping = 'none' | 'room' | 'person' | 'source' | 'type';
export type Sorting = 'name' | 'activity' | 'type';

export interface Arrangement {
  readonly search: string;
  readonly grouping: Grouping;
  readonly sorting: Sorting;
  readonly lens: Lens;
  readonly pinned: ReadonlySet<string>;
}

/** Sensors under one heading. A key of '' has no heading; a sensor in two rooms is in two groups. */
export interface Group {
  readonly key: string;
  readonly label: string;
  readonly sensors: readonly Sensor[];
}

type Label = (s: Sensor) => string;
/** What sensors of a group have in common. */
const labels: Readonly<Record<Grouping, Label>> = {
  none: () => '',
  room: () => '', // a sensor may be in several: see byRoom
  person: (s) => s.owner_name ?? '',
  source: (s) => s.connector_name || s.connector_id,
  type: (s) => s.sensor_type,
};

export const pinnedKey = '*pinned';
export const otherKey = '*other';

const activity = ['online', 'idle', 'offline', 'unknown'];
const nameOf = (s: Sensor) => s.sensor_name || s.sensor_id;

const compares: Readonly<Record<Sorting, (a: Sensor, b: Sensor) => number>> = {
  name: () => 0,
  activity: (a, b) => activity.indexOf(a.activity_status) - activity.indexOf(b.activity_status),
  type: (a, b) => byName(a.sensor_type, b.sensor_type),
};

/** Whether a sensor has all words of the search in its name, id, type, source, owner or what it measures. */
export function found(s: Sensor, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const names = s.attributes.map((a) => `${a.attribute_name} ${a.attribute_type} ${a.id}`).join(' ');
  const text = `${s.sensor_name} ${s.sensor_id} ${s.sensor_type} ${s.connector_name} ${s.owner_name ?? ''} ${names}`.toLowerCase();
  return words.every((w) => text.includes(w));
}

/** Searches, sorts and groups sensors: pinned ones first, those of no group last. */
export function arrange(sensors: readonly Sensor[], rooms: readonly Room[], a: Arrangement): readonly Group[] {
  const listed = sensors
    .filter((s) => hasLens(s, a.lens) && found(s, a.search))
    .toSorted((x, y) => compares[a.sorting](x, y) || byName(nameOf(x), nameOf(y)));
  const pinned = listed.filter((s) => a.pinned.has(s.sensor_id));
  const groups = a.grouping === 'none' ? [{ key: '', label: '', sensors: listed.filter((s) => !a.pinned.has(s.sensor_id)) }] : grouped(listed, rooms, a);
  const all = pinned.length > 0 ? [{ key: pinnedKey, label: '', sensors: pinned }, ...groups] : groups;
  return all.filter((g) => g.sensors.length > 0);
}

function grouped(listed: readonly Sensor[], rooms: readonly Room[], { grouping, pinned }: Arrangement): Group[] {
  const rest = listed.filter((s) => !pinned.has(s.sensor_id));
  if (grouping === 'room') return byRoom(rest, rooms);
  const labelOf = labels[grouping];
  const members = new Map<string, Sensor[]>();
  for (const s of rest) {
    const known = members.get(labelOf(s));
    if (known) known.push(s);
    else members.set(labelOf(s), [s]);
  }
  const groups = [...members].map(([label, sensors]) => ({ key: label || otherKey, label, sensors }));
  return groups.toSorted((x, y) => Number(x.key === otherKey) - Number(y.key === otherKey) || byName(x.label, y.label));
}

function byRoom(listed: readonly Sensor[], rooms: readonly Room[]): Group[] {
  const placed = new Set<string>();
  const groups = rooms
    .toSorted((x, y) => byName(x.name, y.name))
    .map((room): Group => {
      const ids = new Set(room.sensors.map((s) => s.sensor_id));
      ids.forEach((id) => placed.add(id));
      return { key: room.id, label: room.name, sensors: listed.filter((s) => ids.has(s.sensor_id)) };
    });
  return [...groups, { key: otherKey, label: '', sensors: listed.filter((s) => !placed.has(s.sensor_id)) }];
}
