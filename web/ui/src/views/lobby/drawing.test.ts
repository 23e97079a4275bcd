import { expect, test } from 'vitest';
import { SampleRing } from '../../lib/chart/ring.ts';
import { attitudeOf } from './attitude.ts';
import { trailOf } from './gaze.ts';
import { extentOf, scaleLength } from './track.ts';

test('the attitude of gravity, angles and a quaternion', () => {
  expect(attitudeOf({ x: 0, y: 0, z: 9.81 })).toEqual({ roll: 0, pitch: -0 });
  expect(attitudeOf({ x: 0, y: 9.81, z: 0 })?.roll).toBeCloseTo(Math.PI / 2);
  expect(attitudeOf({ x: -9.81, y: 0, z: 0 })?.pitch).toBeCloseTo(Math.PI / 2);
  expect(attitudeOf({ alpha: 90, beta: 0, gamma: 45 })).toEqual({ roll: Math.PI / 4, pitch: 0, heading: Math.PI / 2 });
  const half = Math.SQRT1_2; // a quarter turn around the upright axis
  expect(attitudeOf({ w: half, x: 0, y: 0, z: half })?.heading).toBeCloseTo(Math.PI / 2);
  expect(attitudeOf({ x: 1, y: 'no', z: 2 })).toBeUndefined();
});

test('the extent of a track in metres', () => {
  const [lat, lon] = [new SampleRing(), new SampleRing()];
  expect(extentOf(lat, lon)).toBeUndefined();
  [[60, 10], [60, 10.01]].forEach(([a, b], i) => (lat.push(i, a!), lon.push(i, b!)));
  expect(extentOf(lat, lon)?.metres).toBeCloseTo(556.6, 1); // a hundredth of a degree, halved at 60° north
});

test.each([[20, 5], [100, 20], [556, 100], [10_000, 2000]])('the scale of %d m is %d m', (metres, want) => expect(scaleLength(metres)).toBe(want));

test('the trail of a gaze is its last seconds, oldest first', () => {
  const [x, y] = [new SampleRing(), new SampleRing()];
  expect(trailOf(x, y)).toEqual([]);
  for (const time of [1000, 7000, 8000, 10_000]) x.push(time, time / 20_000), y.push(time, 0.5);
  expect(trailOf(x, y)).toEqual([{ time: 7000, x: 0.35, y: 0.5 }, { time: 8000, x: 0.4, y: 0.5 }, { time: 10_000, x: 0.5, y: 0.5 }]);
});
