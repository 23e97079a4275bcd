import type { Attribute, Sensor } from '@sensocto/client';
import { expect, test } from 'vitest';
import { colourOf, contentOf, hasLens } from './content.ts';

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

test('spellings of other devices are found by the lenses, in the colour of what they measure', () => {
  const s = sensor({ ...attribute('', 1, 72), id: 'bpm' }, { ...attribute('', 0, { lat: 48, lon: 16 }), id: 'where' }, { ...attribute('acc', 50), id: 'acc' });
  expect([contentOf(s, 'heartrate').main?.id, contentOf(s, 'position').main?.id, contentOf(s, 'motion').main?.id]).toEqual(['bpm', 'where', 'acc']);
  expect(colourOf(s.attributes[0]!)).toBe(colourOf(attribute('heartrate')));
  expect([hasLens(s, 'ecg'), hasLens(s, 'battery')]).toEqual([false, false]);
});
