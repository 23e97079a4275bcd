import type { Room, Sensor } from '@sensocto/client';
import { expect, test } from 'vitest';
import { arrange, type Arrangement } from './arrange.ts';
import { place, within } from './layout.ts';

const sensor = (id: string, extra: Partial<Sensor> = {}): Sensor => ({
  sensor_id: id,
  sensor_name: id,
  sensor_type: 'strap',
  connector_id: 'c',
  connector_name: 'phone',
  activity_status: 'online',
  sampling_rate: 0,
  attributes: [{ id: 'ecg', attribute_name: 'Lead II', attribute_type: 'ecg', unit: 'mV', sampling_rate: 512, last_value: null }],
  ...extra,
});
const room = (id: string, name: string, ...sensors: Sensor[]) => ({ id, name, sensors }) as Room;
const plain: Arrangement = { search: '', grouping: 'none', sorting: 'name', lens: 'overview', pinned: new Set() };
const shown = (groups: ReturnType<typeof arrange>) => groups.map((g) => [g.label || g.key, g.sensors.map((s) => s.sensor_id)]);

const [s1, s2, s10] = [sensor('s1'), sensor('s2', { sensor_type: 'watch', activity_status: 'offline' }), sensor('s10')] as const;
const all = [s10, s2, s1];

test('numbers in names count as numbers', () => {
  expect(shown(arrange(all, [], plain))).toEqual([['', ['s1', 's2', 's10']]]);
});

test('pinned sensors come first and only once', () => {
  expect(shown(arrange(all, [], { ...plain, pinned: new Set(['s10']) }))).toEqual([['*pinned', ['s10']], ['', ['s1', 's2']]]);
});

test('search takes all words, in any of the names', () => {
  expect(shown(arrange(all, [], { ...plain, search: 'lead WATCH' }))).toEqual([['', ['s2']]]);
  expect(arrange(all, [], { ...plain, search: 'nothing' })).toEqual([]);
});

test('sorting by activity keeps the order of names', () => {
  expect(shown(arrange(all, [], { ...plain, sorting: 'activity' }))).toEqual([['', ['s1', 's10', 's2']]]);
});

test('grouping by room: a sensor of two rooms is in both, one of none comes last', () => {
  const rooms = [room('b', 'Ward', s1), room('a', 'Lab', s1, s2), room('c', 'Empty')];
  expect(shown(arrange(all, rooms, { ...plain, grouping: 'room' }))).toEqual([['Lab', ['s1', 's2']], ['Ward', ['s1']], ['*other', ['s10']]]);
});

test('grouping by person: those that nobody owns come last', () => {
  const [a, b, c] = [sensor('a', { owner_name: 'Zoe' }), sensor('b', { owner_name: 'Ada' }), sensor('c', { owner_name: 'Zoe' })];
  expect(shown(arrange([a, s1, b, c], [], { ...plain, grouping: 'person' }))).toEqual([['Ada', ['b']], ['Zoe', ['a', 'c']], ['*other', ['s1']]]);
  expect(shown(arrange([a, b], [], { ...plain, search: 'zoe' }))).toEqual([['', ['a']]]);
});

test('tiles are placed in columns, and only those in view are found', () => {
  const many = Array.from({ length: 500 }, (_, i) => sensor(`n${i}`));
  const groups = arrange([...many, s2], [], { ...plain, grouping: 'type' });
  const layout = place(groups, { width: 1000, minTileWidth: 300, tileHeight: 100, headingHeight: 40, gap: 10 });
  expect([layout.columns, layout.tileWidth, layout.tiles.length, layout.headings.length]).toEqual([3, 326 + 2 / 3, 501, 2]);
  expect(layout.tiles[3]).toMatchObject({ x: 0, y: 150, index: 3 });
  expect(layout.height).toBe(40 + 167 * 110 + 40 + 100);
  expect(within(layout.tiles, 100, 40, 150).map((t) => t.index)).toEqual([0, 1, 2]);
  expect(within(layout.tiles, 100, 139, 151).map((t) => t.index)).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a narrow page has one column', () => {
  expect(place([], { width: 200, minTileWidth: 300, tileHeight: 1, headingHeight: 1, gap: 10 })).toMatchObject({ columns: 1, tileWidth: 200, height: 0 });
});
