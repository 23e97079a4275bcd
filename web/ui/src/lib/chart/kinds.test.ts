import { describe as suite, expect, it } from 'vitest';
import { axesOf, coordinatesOf, describe, fieldsOf, kindOf, numberOfKind, quantityOf, type AttributeLike, type Kind } from './kinds.ts';

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

// What devices call what they measure, and the documents that they send: one row for each spelling.
suite('spellings', () => {
  const place = { lat: 48.2, lng: 16.4 };
  const rows: [id: string, type: string, rate: number, payload: unknown, kind: Kind, quantity: string | undefined][] = [
    ['geolocation', 'geolocation', 1, undefined, 'position', 'geolocation'],
    ['where', 'json', 0, place, 'position', undefined],
    ['where', '', 0, { lat: 48.2, lon: 16.4 }, 'position', undefined],
    ['gps', '', 1, undefined, 'position', 'geolocation'],
    ['position', 'geolocation', 1, { accuracy: 5 }, 'events', 'geolocation'], // no fix
    ['lat', 'number', 1, 48.2, 'number', undefined], // half of a position is a number
    ['bpm', '', 1, 72, 'number', 'heartrate'],
    ['vitals', '', 1, { bpm: 72 }, 'number', 'heartrate'],
    ['hr', 'number', 1, 72, 'number', 'heartrate'],
    ['heart_rate', '', 1, undefined, 'number', 'heartrate'],
    ['heartRate', '', 1, 72, 'number', 'heartrate'],
    ['pulse_rate', '', 1, 72, 'number', 'heartrate'],
    ['heart_rate_variability', '', 0, 41, 'number', 'hrv'],
    ['pulse_amplitude', 'pulse_amplitude', 1, 3, 'number', undefined],
    ['respiration_rate', 'respiration_rate', 0, 14, 'number', 'respiration_rate'],
    ['breathing_rate', '', 0, 14, 'number', 'respiration_rate'],
    ['resp', '', 4, 0.3, 'wave', 'respiration'],
    ['response_time', '', 0, 210, 'number', undefined],
    ['rr_interval', 'rr_interval', 0, 830, 'number', 'rr_interval'],
    ['temperature', 'temperature', 0, { value: 36.6 }, 'number', 'temperature'],
    ['battery_temperature', '', 0, 31, 'number', 'temperature'],
    ['battery', 'temperature', 0, 31, 'number', 'temperature'], // the type goes before the id
    ['blood_pressure', 'blood_pressure', 0, { systolic: 120, diastolic: 80 }, 'events', 'blood_pressure'],
    ['power', 'power', 100, 240, 'wave', 'power'],
    ['level', 'number', 10, 0.5, 'wave', undefined],
    ['level', 'number', 9, 0.5, 'number', undefined],
    ['ecg_lead_2', '', 0, undefined, 'ecg', 'ecg'],
    ['ecg1', '', 250, 0.1, 'ecg', 'ecg'],
    ['ecg', 'ecg', 250, { value: 0.1 }, 'ecg', 'ecg'],
    ['EKG', '', 250, 0.1, 'ecg', 'ecg'],
    ['eda', 'eda', 4, 0.2, 'wave', 'eda'],
    ['audio', 'audio', 0, undefined, 'wave', 'audio'],
    ['sound', 'sound_level', 5, -40, 'number', undefined],
    ['acc', 'acc', 50, undefined, 'axes', 'accelerometer'],
    ['linear_acceleration', '', 50, { x: 1, y: 2, z: 3 }, 'axes', 'accelerometer'],
    ['turn', 'orientation', 60, { alpha: 1, beta: 2, gamma: 3 }, 'axes', 'orientation'],
    ['euler', 'euler', 10, { roll: 1, pitch: 2, yaw: 3 }, 'axes', 'orientation'],
    ['q', 'quaternion', 50, { w: 1, x: 0, y: 0, z: 0 }, 'axes', 'quaternion'],
    ['field', 'magnetometer', 50, 48, 'wave', 'magnetometer'], // a number has no axes
    ['gaze_vector', 'vector', 60, { x: 0.2, y: 0.3 }, 'gaze', 'gaze'],
    ['battery', 'battery', 0, { level: 0.5 }, 'battery', 'battery'],
    ['phone_battery_level', '', 0, 81, 'battery', 'battery'],
    ['button', 'button', 0, undefined, 'events', 'event'],
    ['button', 'button', 0, { value: 1 }, 'events', 'event'],
    ['alarm', '', 0, { value: 3, message: 'high' }, 'events', undefined],
    ['annotations', '', 0, 3, 'events', 'event'],
    ['contact', 'contact', 0, true, 'events', undefined],
  ];
  for (const [id, type, rate, payload, kind, quantity] of rows) {
    it(`${id} of type "${type}" at ${rate} Hz with ${JSON.stringify(payload)} is ${quantity ?? 'unknown'}, shown as ${kind}`, () => {
      const a = attribute(id, type, rate, payload);
      expect([kindOf(a), quantityOf(a)?.name]).toEqual([kind, quantity]);
    });
  }
});

suite('documents', () => {
  it('have their numbers in fields that are spelled in several ways', () => {
    expect(coordinatesOf({ lat: 48, lng: 16 })).toEqual(['lng', 'lat']);
    expect(coordinatesOf({ lat: 48 })).toBeUndefined();
    expect([fieldsOf('position', undefined), fieldsOf('position', { lat: 1, lon: 2 })]).toEqual([['longitude', 'latitude'], ['lon', 'lat']]);
    expect([fieldsOf('axes', undefined), fieldsOf('axes', { z: 1, x: 2 })]).toEqual([['x', 'y', 'z'], ['x', 'z']]);
    expect([fieldsOf('number', 7), fieldsOf('number', { bpm: 72 }), fieldsOf('events', {})]).toEqual([[], ['bpm'], []]);
    expect([fieldsOf('battery', 81), fieldsOf('battery', { level: 0.5, value: 3 }), fieldsOf('battery', { value: 50 })]).toEqual([[], ['level'], ['value']]);
    expect([numberOfKind('number', 7), numberOfKind('number', { bpm: 72 }), numberOfKind('number', { a: 1 }), numberOfKind('number', 'x')]).toEqual([7, 72, NaN, NaN]);
  });
  it('are read', () => {
    expect(axesOf({ x: 1, y: 'a', z: 2 })).toEqual(['x', 'z']);
    expect([81, { level: 0.5 }, { level: 80 }, '?'].map((p) => numberOfKind('battery', p))).toEqual([81, 50, 80, NaN]);
    expect([describe('x'), describe({ text: 'fall' }), describe({ pressed: true })]).toEqual(['x', 'fall', '{"pressed":true}']);
  });
});
