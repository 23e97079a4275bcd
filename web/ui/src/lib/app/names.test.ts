import { expect, test } from 'vitest';
import { attributeNames, sensorNames } from './names.ts';

const sensor = (sensor_id: string, sensor_name: string, owner_name?: string) => ({ sensor_id, sensor_name, ...(owner_name !== undefined && { owner_name }) });
const named = (...all: ReturnType<typeof sensor>[]) => [...sensorNames(all).values()];

test('names stay as they are while no two are equal', () => {
  expect(named(sensor('a', 'Chest', 'Ada'), sensor('b', ''))).toEqual(['Chest', 'b']);
});

test('of equal names the owner tells them apart, or the id', () => {
  expect(named(sensor('a', 'Chest', 'Ada'), sensor('b', 'Chest', 'Bo'))).toEqual(['Chest (Ada)', 'Chest (Bo)']);
  expect(named(sensor('a', 'Chest', 'Ada'), sensor('b', 'Chest', 'Ada'), sensor('c', 'Chest', 'Bo'), sensor('d', 'Chest'))).toEqual(['Chest (a)', 'Chest (b)', 'Chest (Bo)', 'Chest (d)']);
});

test('attributes of one name have their ids', () => {
  const names = attributeNames([{ id: 'left', attribute_name: 'Force' }, { id: 'right', attribute_name: 'Force' }, { id: 'hr', attribute_name: '' }]);
  expect([...names.values()]).toEqual(['Force (left)', 'Force (right)', 'hr']);
});
