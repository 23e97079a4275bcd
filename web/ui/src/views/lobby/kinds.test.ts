import type { Attribute, Sensor } from '@sensocto/client';
import { expect, test } from 'vitest';
import { contentOf, fieldsOf, hasLens, kindOf } from './kinds.ts';

const attribute = (type: string, sampling_rate = 1, payload: unknown = null): Attribute => ({
  id: type,
  attribute_name: type,
  attribute_type: type,
  unit: '',
  sampling_rate,
  last_value: payload === null ? null : { payload, timestamp: 0 },
});
const sensor = (...attributes: Attribute[]): Sensor => ({
  sensor_id: 's',
  sensor_name: 's',
  sensor_type: 't',
  connector_id: 'c',
  connector_name: 'c',
  activity_status: 'online',
  sampling_rate: 0,
  attributes,
});

test.each([
  [attribute('ecg', 512), 'waveform'],
  [attribute('heartrate'), 'number'],
  [attribute('number', 100), 'waveform'],
  [attribute('strange', 0, 7), 'number'],
  [attribute('accelerometer', 50), 'motion'],
  [attribute('geolocation'), 'position'],
  [attribute('gaze', 60), 'gaze'],
  [attribute('battery'), 'battery'],
  [attribute('button', 0, { pressed: true }), 'event'],
])('%o is a %s', (a, want) => expect(kindOf(a)).toBe(want));

test('a tile shows the waveform, the heart rate first beside it, and the battery', () => {
  const s = sensor(attribute('battery'), attribute('temperature'), attribute('ppg', 100), attribute('heartrate'), attribute('ecg', 512));
  const c = contentOf(s, 'overview');
  expect([c.main?.id, c.numbers.map((a) => a.id), c.battery?.id]).toEqual(['ecg', ['heartrate', 'temperature'], 'battery']);
});

test('a lens chooses what is in front, and which sensors have it', () => {
  const s = sensor(attribute('ecg', 512), attribute('heartrate'));
  expect(contentOf(s, 'heartrate').main?.id).toBe('heartrate');
  expect(contentOf(s, 'heartrate').numbers).toEqual([]);
  expect([hasLens(s, 'ecg'), hasLens(s, 'position'), hasLens(s, 'overview')]).toEqual([true, false, true]);
});

test('payloads are read by kind, in the spellings that devices use', () => {
  expect(fieldsOf('number', 3)).toEqual([3]);
  expect(fieldsOf('number', { bpm: 72 })).toEqual([72]);
  expect(fieldsOf('motion', { x: 1, y: 2, z: 3 })).toEqual([1, 2, 3]);
  expect(fieldsOf('position', { lat: 48, lng: 16 })).toEqual([48, 16]);
  expect(fieldsOf('gaze', { x: 0.5, y: 0.25, confidence: 1 })).toEqual([0.5, 0.25]);
  expect(fieldsOf('battery', { level: 0.5, charging: true })).toEqual([0.5]);
  expect(fieldsOf('motion', { x: 1 })).toBeUndefined();
  expect(fieldsOf('number', 'text')).toBeUndefined();
});
