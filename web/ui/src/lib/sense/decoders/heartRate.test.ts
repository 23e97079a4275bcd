import { describe, expect, test } from 'vitest';
import { packet } from '../testing.ts';
import { decodeHeartRate } from './heartRate.ts';

describe('Heart Rate Measurement', () => {
  test.each([
    ['8-bit rate, contact not supported', '00 48', { heartRate: 72, contact: null, energy: null, rrIntervals: [] }],
    ['16-bit rate', '01 2c 01', { heartRate: 300, contact: null, energy: null, rrIntervals: [] }],
    ['contact bit without support says nothing', '02 48', { heartRate: 72, contact: null, energy: null, rrIntervals: [] }],
    ['no contact', '04 00', { heartRate: 0, contact: false, energy: null, rrIntervals: [] }],
    ['contact', '06 48', { heartRate: 72, contact: true, energy: null, rrIntervals: [] }],
    ['energy in kJ', '08 48 10 27', { heartRate: 72, contact: null, energy: 10000, rrIntervals: [] }],
    ['one interval of 1024/1024 s', '10 3c 00 04', { heartRate: 60, contact: null, energy: null, rrIntervals: [1000] }],
    [
      'everything, several intervals, oldest first',
      '1f 48 00 01 00 00 04 01 04 ff ff',
      { heartRate: 72, contact: true, energy: 1, rrIntervals: [1000, 1000.9765625, 63999.0234375] },
    ],
    ['a reserved flag may announce more', '80 48 01 02', { heartRate: 72, contact: null, energy: null, rrIntervals: [] }],
  ])('%s', (_, bytes, want) => {
    expect(decodeHeartRate(packet(bytes))).toEqual(want);
  });

  test.each([
    ['', 'cut: flags needs 1 byte, 0 left'],
    ['00', 'cut: heart rate needs 1 byte, 0 left'],
    ['01 48', 'cut: heart rate needs 2 bytes, 1 left'],
    ['08 48 10', 'cut: energy expended needs 2 bytes, 1 left'],
    ['10 48', 'cut: RR interval needs 2 bytes, 0 left'],
    ['10 48 00 04 00', 'cut: RR interval needs 2 bytes, 1 left'],
    ['00 48 00', '1 byte too many'],
  ])('refuses "%s"', (bytes, reason) => {
    expect(() => decodeHeartRate(packet(bytes))).toThrow(`Heart Rate Measurement: ${reason}`);
  });
});
