import { expect, test } from 'vitest';
import type { Surface } from '../../lib/chart/surface.ts';
import { RecordingPen } from '../../lib/chart/testing/pen.ts';
import { testTheme } from '../../lib/chart/testing/theme.ts';
import { attitudeOf, tellsAttitude } from './attitude.ts';
import { AttributeFeed } from './feed.ts';
import { paintGaze } from './gaze.ts';
import { paintFeedTrack } from './track.ts';

test('the attitude of gravity, angles and a quaternion', () => {
  expect(attitudeOf({ x: 0, y: 0, z: 9.81 })).toEqual({ roll: 0, pitch: -0 });
  expect(attitudeOf({ x: 0, y: 9.81, z: 0 })?.roll).toBeCloseTo(Math.PI / 2);
  expect(attitudeOf({ x: -9.81, y: 0, z: 0 })?.pitch).toBeCloseTo(Math.PI / 2);
  expect(attitudeOf({ alpha: 90, beta: 0, gamma: 45 })).toEqual({ roll: Math.PI / 4, pitch: 0, heading: Math.PI / 2 });
  const half = Math.SQRT1_2; // a quarter turn around the upright axis
  expect(attitudeOf({ w: half, x: 0, y: 0, z: half })?.heading).toBeCloseTo(Math.PI / 2);
  expect(attitudeOf({ x: 1, y: 'no', z: 2 })).toBeUndefined();
});

const kept = (type: string, rate: number, ...points: [time: number, payload: unknown][]) => {
  const feed = new AttributeFeed({ id: type, attribute_name: '', attribute_type: type, unit: '', sampling_rate: rate, last_value: { payload: points[0]![1], timestamp: points[0]![0] } });
  const rest = points.slice(1);
  feed.add({ kind: 'documents', times: Float64Array.from(rest, ([time]) => time), payloads: rest.map(([, payload]) => payload) });
  return feed;
};
const surface = (pen: RecordingPen) => ({ pen: pen.pen, width: 200, height: 100, ratio: 1 }) as unknown as Surface;

test('an attitude is told by what is turned, not by turning, and not by two axes', () => {
  const a = (id: string, payload?: unknown) => ({ id, attribute_name: '', attribute_type: '', unit: '', sampling_rate: 50, last_value: payload === undefined ? null : { payload, timestamp: 0 } });
  const all = [a('acc'), a('acc', { x: 0, y: 0, z: 9.81 }), a('gyro', { x: 0, y: 0, z: 1 }), a('touch', { x: 0.1, y: 0.2 })];
  expect(all.map(tellsAttitude)).toEqual([true, true, false, false]);
});

test('a track is drawn where it was measured, and has no line through what is missing', () => {
  const at = (s: number, lat: number): [number, unknown] => [1000 * s, { lat, lng: 16 }];
  const feed = kept('where', 1, at(0, 48), at(1, 48.001), at(2, 48.002), at(60, 48.003), at(61, 48.004), [62_000, { accuracy: 9 }], at(63, 48.005), at(64, 48.006));
  expect(feed.kind).toBe('position');
  const rec = new RecordingPen();
  paintFeedTrack(surface(rec), testTheme, feed, 4, (metres) => `${metres} m`);
  const parts = rec.lines.filter((l) => l.style === testTheme.traces[3]).map((l) => l.points.length);
  expect(parts).toEqual([3, 2, 2]); // a minute without a measurement, and one without a fix
});

test('a gaze is drawn as its last seconds, with its gaps', () => {
  const feed = kept('gaze', 10, ...[0, 7000, 7100, 9900, 10_000].map((time): [number, unknown] => [time, { x: time / 20_000, y: 0.5 }]));
  const rec = new RecordingPen();
  paintGaze(surface(rec), testTheme, feed, 2);
  expect(rec.lines.filter((l) => l.style === testTheme.traces[1]).map((l) => l.points.length)).toEqual([2, 2]);
});

test('what a window leaves of a fast sensor has no gaps: its newest document each second', () => {
  const acc = kept('acc', 50, ...Array.from({ length: 9 }, (_, i): [number, unknown] => [i * 1000, { x: i, y: 2 }]));
  expect(acc.gapMS).toBeGreaterThan(1000);
  expect(kept('heartrate', 0.5, [0, 70], [2000, 71]).gapMS).toBe(7000);
});

test('numbers of documents are read in the spellings of devices, batteries in per cent', () => {
  expect(kept('vitals', 1, [0, { bpm: 70 }], [1000, { bpm: 72 }]).value).toBe(72);
  expect(kept('battery', 0, [0, { level: 0.5 }]).value).toBe(50);
  expect(kept('battery', 0, [0, 81]).value).toBe(81);
  const axes = kept('acc', 50, [0, { x: 1, y: 2 }], [20, { x: 3, y: 4 }]);
  expect([0, 1].map((i) => axes.ring(i).lastValue)).toEqual([3, 4]);
});
