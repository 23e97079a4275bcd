import type { Sensor } from '@sensocto/client';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparisonOf, foundGroups, groupsOf, MOST_CHOICES, queryOf, withChoices, without } from './chosen.ts';

const id = fc.stringMatching(/^[A-Za-z0-9._:-]{1,20}$/);
const attribute = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,10}$/);

describe('a link', () => {
  it('holds the comparison', () => {
    const choices = fc.uniqueArray(fc.record({ sensorId: id, attributeId: attribute }), { maxLength: MOST_CHOICES, selector: (c) => `${c.sensorId}/${c.attributeId}` });
    const range = fc.option(fc.tuple(fc.integer({ min: 0, max: 1e12 }), fc.integer({ min: 1, max: 1e9 })).map(([a, d]) => [a, a + d] as const));
    fc.assert(
      fc.property(choices, fc.boolean(), range, (choices, overlay, range) => {
        const c = { choices, overlay, range };
        expect(comparisonOf(new URLSearchParams(queryOf(c)))).toEqual(c);
      }),
    );
  });
  it('that somebody mistyped shows what can be read', () => {
    const c = comparisonOf(new URLSearchParams('a=x&a=/y&a=s/a/b&a=s/a&a=s/a&from=5&to=3'));
    expect(c).toEqual({ choices: [{ sensorId: 's', attributeId: 'a' }], overlay: false, range: null });
  });
});

const sensor = (sensor_id: string, ...types: string[]): Sensor => ({
  sensor_id, sensor_name: '', sensor_type: '', connector_id: '', connector_name: '', activity_status: 'online', sampling_rate: 0,
  attributes: types.map((t) => ({ id: t, attribute_name: t, attribute_type: t, unit: '', sampling_rate: 1, last_value: { payload: 1, timestamp: 0 } })),
});

describe('choices', () => {
  it('are offered together where several sensors measure the same', () => {
    const groups = groupsOf([sensor('a', 'heartrate', 'spo2'), sensor('b', 'heartrate'), sensor('c', 'heartrate', 'spo2')]);
    expect(groups.map((g) => [g.name, g.choices.map((c) => c.sensorId)])).toEqual([['heartrate', ['a', 'b', 'c']], ['spo2', ['a', 'c']]]);
  });
  it('of one quantity are together in all spellings, and one sensor alone is no group', () => {
    const groups = groupsOf([sensor('a', 'heartrate'), sensor('b', 'bpm'), { ...sensor('c', 'hr', 'temperature'), attributes: [...sensor('c', 'hr').attributes, ...['left', 'right'].map((id) => ({ ...sensor('c', 'temperature').attributes[0]!, id }))] }]);
    expect(groups.map((g) => [g.key, g.choices.map((c) => `${c.sensorId}/${c.attributeId}`)])).toEqual([['heartrate', ['a/heartrate', 'b/bpm', 'c/hr']]]);
  });
  it('of equal names and different units are told apart, and found by words', () => {
    const of = (id: string, unit: string): Sensor => ({ ...sensor(id), attributes: [{ ...sensor(id, 'temperature').attributes[0]!, attribute_name: 'Skin', unit }, ...sensor(id, 'spo2').attributes] });
    const groups = groupsOf([of('a', '°C'), of('b', '°C'), of('c', '°F'), of('d', '°F')]);
    expect(new Set(groups.map((g) => g.key)).size).toBe(3);
    expect([foundGroups(groups, 'skin °f').map((g) => g.choices.length), foundGroups(groups, 'Temperature').length, foundGroups(groups, ' ').length, foundGroups(groups, 'ecg')]).toEqual([[2], 2, 3, []]);
  });
  it('are there once, and not too many', () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ sensorId: `s${i}`, attributeId: 'a' }));
    const list = withChoices(many.slice(0, 3), many);
    expect(list.length).toBe(MOST_CHOICES);
    expect(without(list, { sensorId: 's1', attributeId: 'a' }).length).toBe(MOST_CHOICES - 1);
  });
});

it('positions and gazes of all sensors are offered as a group each', () => {
  const withPoints = (id: string): Sensor => ({
    ...sensor(id),
    attributes: [
      { id: 'geolocation', attribute_name: 'Position', attribute_type: 'geolocation', unit: '', sampling_rate: 1, last_value: { payload: { latitude: 48, longitude: 16 }, timestamp: 0 } },
      { id: 'gaze', attribute_name: 'Gaze', attribute_type: 'gaze', unit: '', sampling_rate: 60, last_value: { payload: { x: 0.5, y: 0.5 }, timestamp: 0 } },
    ],
  });
  expect(groupsOf([withPoints('a'), withPoints('b')]).map((g) => [g.name, g.choices.length])).toEqual([['Position', 2], ['Gaze', 2]]);
});
