import { describe as suite, expect, it } from 'vitest';
import { axesOf, batteryLevel, describe, kindOf, type AttributeLike } from './kinds.ts';

const attribute = (id: string, type: string, rate: number, payload?: unknown): AttributeLike => ({
  id, attribute_name: id, attribute_type: type, unit: '', sampling_rate: rate,
  last_value: payload === undefined ? null : { payload, timestamp: 0 },
});

suite('kindOf', () => {
  const cases: [string, AttributeLike][] = [
    ['ecg', attribute('ecg', 'ecg', 512, 0.1)],
    ['ecg', attribute('ecg', 'ecg', 512)],
    ['wave', attribute('respiration', 'respiration', 25, 1)],
    ['wave', attribute('MLII', '', 360, 1)],
    ['number', attribute('heartrate', 'heartrate', 1, 70)],
    ['number', attribute('temperature', 'temperature', 0, 36.5)],
    ['axes', attribute('accelerometer', 'accelerometer', 50, { x: 1, y: 2, z: 3 })],
    ['axes', attribute('gyroscope', 'gyroscope', 50)],
    ['position', attribute('geolocation', 'geolocation', 1, { latitude: 1, longitude: 2, accuracy: 3 })],
    ['gaze', attribute('eye_gaze', '', 60, { x: 0.4, y: 0.6, confidence: 0.9 })],
    ['gaze', attribute('looks', 'gaze', 60)],
    ['axes', attribute('gaze', 'gaze', 60, { x: 0, y: 0, z: 1 })],
    ['axes', attribute('touch', 'vector', 60, { x: 0.4, y: 0.6 })],
    ['battery', attribute('battery', 'battery', 0, { level: 0.5, charging: false })],
    ['battery', attribute('battery', 'battery', 0, 81)],
    ['events', attribute('button', 'button', 0, { pressed: true })],
    ['events', attribute('note', 'note', 0)],
    ['events', attribute('state', 'text', 0, 'walking')],
  ];
  for (const [kind, a] of cases) it(`${a.id} ${JSON.stringify(a.last_value?.payload)} is ${kind}`, () => expect(kindOf(a)).toBe(kind));
});

suite('documents', () => {
  it('are read', () => {
    expect(axesOf({ x: 1, y: 'a', z: 2 })).toEqual(['x', 'z']);
    expect([batteryLevel(81), batteryLevel({ level: 0.5 }), batteryLevel({ level: 80 }), batteryLevel('?')]).toEqual([81, 50, 80, NaN]);
    expect([describe('x'), describe({ text: 'fall' }), describe({ pressed: true })]).toEqual(['x', 'fall', '{"pressed":true}']);
  });
});
