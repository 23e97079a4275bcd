import { expect, test } from 'vitest';
import { Reader } from '../bytes.ts';
import { packet } from '../testing.ts';
import { float, sfloat } from './ieee11073.ts';

test.each([
  ['00 00', 0],
  ['62 00', 98],
  ['d4 f3', 98], // 980 × 10⁻¹
  ['9c ff', -10], // -100 × 10⁻¹
  ['01 70', 10_000_000],
  ['01 80', 1e-8],
  ['fd 07', 2045],
  ['03 08', -2045],
  ['ff 07', null], // not a number
  ['00 08', null], // not at this resolution
  ['fe 07', null], // infinity
  ['02 08', null], // minus infinity
  ['01 08', null], // reserved
])('SFLOAT %s', (bytes, want) => {
  expect(sfloat(new Reader(packet(bytes), 'x'), 'x')).toBe(want);
});

test.each([
  ['6e 01 00 ff', 36.6],
  ['92 fe ff ff', -36.6],
  ['72 0e 00 fe', 36.98],
  ['01 00 00 02', 100],
  ['fd ff 7f 00', 8388605],
  ['ff ff 7f 00', null],
  ['00 00 80 00', null],
  ['fe ff 7f 00', null],
  ['02 00 80 00', null],
  ['01 00 80 00', null],
])('FLOAT %s', (bytes, want) => {
  expect(float(new Reader(packet(bytes), 'x'), 'x')).toBe(want);
});
