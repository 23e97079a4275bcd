import { expect, test } from 'vitest';
import { loudness } from './level.ts';

test.each([
  [0, 0],
  [0.0001, 0], // -80 dB
  [0.001, 0], // -60 dB
  [0.1, 2 / 3], // -20 dB
  [1, 1],
])('samples of %d are %d loud', (sample, want) => {
  expect(loudness(new Float32Array(256).fill(sample))).toBeCloseTo(want, 5);
});

test('no samples are silence', () => expect(loudness(new Float32Array(0))).toBe(0));
