import type { Sensor } from '@sensocto/client';
import { expect, test } from 'vitest';
import { comparisonsOf } from './compare.ts';

const sensor = (sensor_id: string, ...attributes: [id: string, type: string, payload: unknown][]): Sensor => ({
  sensor_id, sensor_name: '', sensor_type: '', connector_id: '', connector_name: '', activity_status: 'online', sampling_rate: 0,
  attributes: attributes.map(([id, attribute_type, payload]) => ({ id, attribute_name: id, attribute_type, unit: '', sampling_rate: 1, last_value: { payload, timestamp: 0 } })),
});

test('what more than one sensor measures can be compared with one click', () => {
  const place = { latitude: 48, longitude: 16 };
  const list = comparisonsOf([
    sensor('a', ['heartrate', 'heartrate', 70], ['geolocation', 'geolocation', place]),
    sensor('b', ['where', 'json', place], ['eye_gaze', 'gaze', { x: 0.1, y: 0.2 }]),
    sensor('c', ['heartrate', '', 71]),
    sensor('d', ['bpm', 'number', 72], ['gps', '', { lat: 48, lng: 16 }]),
  ]);
  expect(list).toEqual([
    { quantity: 'heartrate', href: '/compare?a=a%2Fheartrate&a=c%2Fheartrate&a=d%2Fbpm' },
    { quantity: 'position', href: '/compare?a=a%2Fgeolocation&a=b%2Fwhere&a=d%2Fgps' },
  ]);
});
