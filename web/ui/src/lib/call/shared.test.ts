import type { Attribute, Sensor } from '@sensocto/client';
import { expect, test } from 'vitest';
import { briefly, sharedBy } from './shared.ts';

const sensor = (id: string, by: string, ...types: string[]) =>
  ({ sensor_id: id, shared_by: by, attributes: types.map((type) => ({ id: type, attribute_type: type, attribute_name: type, unit: '', sampling_rate: 1 }) as unknown as Attribute) }) as Sensor;

test('a tile shows two sensors of its person, and knows how many more there are', () => {
  const all = [sensor('a', 'bob'), sensor('b', 'eve'), sensor('c', 'bob'), sensor('d', 'bob')];
  const ids = (userId: string | undefined) => [sharedBy(all, userId).shown.map((s) => s.sensor_id), sharedBy(all, userId).more];
  expect(ids('bob')).toEqual([['a', 'c'], 1]);
  expect(ids('eve')).toEqual([['b'], 0]);
  expect(ids(undefined)).toEqual([[], 0]);
});

test('of a sensor it shows one trace and one number, and knows how many more there are', () => {
  const { main, number, more } = briefly(sensor('belt', 'bob', 'ecg', 'heartrate', 'respiration', 'temperature'));
  expect([main?.id, number?.id, more]).toEqual(['ecg', expect.any(String), 2]);
  expect(briefly(sensor('scale', 'bob', 'weight'))).toMatchObject({ number: undefined, more: 0 });
  expect(briefly(sensor('none', 'bob'))).toEqual({ main: undefined, number: undefined, more: 0 });
});
