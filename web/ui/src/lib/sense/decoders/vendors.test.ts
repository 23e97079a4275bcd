import { describe, expect, test } from 'vitest';
import { hex, packet } from '../testing.ts';
import { decodeData, decodeMessage, PartJoiner, subscribeCommand, unsubscribeCommand, type Measurement } from './movesense.ts';
import * as thingy from './thingy52.ts';

describe('Movesense', () => {
  test('commands', () => {
    expect(hex(subscribeCommand(99, '/Meas/HR'))).toBe('01 63 2f 4d 65 61 73 2f 48 52');
    expect(hex(unsubscribeCommand(99))).toBe('02 63');
  });

  test('messages', () => {
    expect(decodeMessage(packet('01 63 c8 00'))).toEqual({ kind: 'response', reference: 99, status: 200 });
    expect(decodeMessage(packet('02 63 01 02'))).toEqual({ kind: 'data', reference: 99, data: new Uint8Array([1, 2]) });
    expect(decodeMessage(packet('03 63 01'))).toEqual({ kind: 'rest', reference: 99, data: new Uint8Array([1]) });
    expect(() => decodeMessage(packet('01 63 c8'))).toThrow('cut: status');
    expect(() => decodeMessage(packet('09 63'))).toThrow('unknown code 9');
  });

  const data = (measurement: Measurement, bytes: string) => {
    const view = packet(bytes);
    return decodeData(measurement, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  };

  test('ECG in mV', () => {
    expect(data('ecg', '10 27 00 00 00 00 04 00 00 00 fc ff 0a 00 00 00')).toEqual({
      type: 'ecg',
      time: 10000,
      samples: [100, -100, 0.003814697265625],
    });
  });

  test('IMU: all accelerations, then all rotations, then all fields', () => {
    const [one, two] = ['00 00 80 3f', '00 00 00 40'];
    const zero = '00 00 00 00';
    const imu6 = `01 00 00 00 ${one} ${zero} ${zero} ${two} ${zero} ${zero} ${zero} ${one} ${zero} ${zero} ${two} ${zero}`;
    expect(data('imu6', imu6)).toEqual({
      type: 'imu',
      time: 1,
      samples: [
        { acceleration: { x: 1, y: 0, z: 0 }, rotation: { x: 0, y: 1, z: 0 } },
        { acceleration: { x: 2, y: 0, z: 0 }, rotation: { x: 0, y: 2, z: 0 } },
      ],
    });
    expect(data('imu9', `01 00 00 00 ${one} ${zero} ${zero} ${zero} ${one} ${zero} ${zero} ${zero} ${two}`)).toEqual({
      type: 'imu',
      time: 1,
      samples: [{ acceleration: { x: 1, y: 0, z: 0 }, rotation: { x: 0, y: 1, z: 0 }, field: { x: 0, y: 0, z: 2 } }],
    });
  });

  test('heart rate and temperature', () => {
    expect(data('heartRate', '00 00 90 42 e8 03 d4 03')).toEqual({ type: 'heartRate', heartRate: 72, rrIntervals: [1000, 980] });
    expect(data('temperature', '05 00 00 00 33 93 9a 43')).toEqual({ type: 'temperature', time: 5, value: 36 });
  });

  test.each<[Measurement, string, string]>([
    ['ecg', '10 27 00 00', 'cut: sample needs 4 bytes, 0 left'],
    ['ecg', '10 27 00 00 00 00 04', 'cut: sample needs 4 bytes, 3 left'],
    ['imu6', '01 00 00 00', 'cut: samples of 24 bytes, 0 left'],
    ['imu9', `01 00 00 00 ${'00 '.repeat(24)}`, 'cut: samples of 36 bytes, 24 left'],
    ['heartRate', '00 00 c0 7f', 'heart rate is not a number'],
    ['temperature', '05 00 00 00 33 93 9a 43 00', '1 byte too many'],
  ])('refuses %s "%s"', (measurement, bytes, reason) => {
    expect(() => data(measurement, bytes)).toThrow(reason);
  });

  const message = (bytes: string) => decodeMessage(packet(bytes));

  test('parts: whole packets wait only until it is clear that they are whole', () => {
    const parts = new PartJoiner();
    expect(parts.push(message('02 63 01'))).toEqual([]);
    expect(parts.push(message('02 63 02'))).toEqual([new Uint8Array([1]), new Uint8Array([2])]);
    expect(parts.push(message('02 63 03'))).toEqual([new Uint8Array([3])]);
    expect(() => parts.push(message('03 63 04'))).toThrow('the first part of a packet is missing');
  });

  test('parts: what belongs together is joined, and what lacks a part is refused', () => {
    const parts = new PartJoiner();
    expect(() => parts.push(message('03 63 00'))).toThrow('the first part of a packet is missing');
    expect(parts.push(message('02 63 01'))).toEqual([]);
    expect(parts.push(message('03 63 02'))).toEqual([new Uint8Array([1, 2])]);
    expect(parts.push(message('02 63 03'))).toEqual([]);
    expect(() => parts.push(message('02 63 05'))).toThrow('the second part of a packet is missing');
    expect(parts.push(message('03 63 06'))).toEqual([new Uint8Array([5, 6])]);
  });
});

describe('Thingy:52', () => {
  test('environment', () => {
    expect(thingy.decodeTemperature(packet('17 2d'))).toBe(23.45);
    expect(thingy.decodeTemperature(packet('fb 19'))).toBe(-5.25);
    expect(thingy.decodePressure(packet('f5 03 00 00 0d'))).toBe(1013.13);
    expect(thingy.decodeHumidity(packet('2d'))).toBe(45);
    expect(thingy.decodeAirQuality(packet('90 01 0a 00'))).toEqual({ eco2: 400, tvoc: 10 });
    expect(thingy.decodeColor(packet('01 00 02 00 03 00 04 00'))).toEqual({ red: 1, green: 2, blue: 3, clear: 4 });
  });

  test('button, taps, steps', () => {
    expect([thingy.decodeButton(packet('01')), thingy.decodeButton(packet('00'))]).toEqual([true, false]);
    expect(thingy.decodeTap(packet('05 02'))).toEqual({ direction: 'z_up', count: 2 });
    expect(thingy.decodeSteps(packet('0a 00 00 00 88 13 00 00'))).toEqual({ steps: 10, time: 5000 });
  });

  test('fixed point', () => {
    expect(thingy.decodeQuaternion(packet('00 00 00 40 00 00 00 c0 00 00 00 20 00 00 00 00'))).toEqual({ w: 1, x: -1, y: 0.5, z: 0 });
    expect(thingy.decodeRawMotion(packet('00 04 00 fc 00 00 20 00 e0 ff 00 00 10 00 f0 ff 00 00'))).toEqual({
      acceleration: { x: 1, y: -1, z: 0 },
      rotation: { x: 1, y: -1, z: 0 },
      field: { x: 1, y: -1, z: 0 },
    });
    expect(thingy.decodeEuler(packet('00 00 5a 00 00 80 ff ff 00 00 b4 00'))).toEqual({ roll: 90, pitch: -0.5, yaw: 180 });
    expect(thingy.decodeHeading(packet('00 80 67 01'))).toBe(359.5);
    expect(thingy.decodeGravity(packet('00 00 00 00 00 00 80 3f 00 00 00 c0'))).toEqual({ x: 0, y: 1, z: -2 });
  });

  test.each([
    [thingy.decodeTemperature, '17', 'cut: hundredths'],
    [thingy.decodeTemperature, '17 64', '100 hundredths'],
    [thingy.decodePressure, 'f5 03 00 00 0d 00', '1 byte too many'],
    [thingy.decodeHumidity, '65', '101 %'],
    [thingy.decodeButton, '02', 'unknown state 2'],
    [thingy.decodeTap, '07 01', 'unknown direction 7'],
    [thingy.decodeSteps, '0a 00 00 00 88 13 00', 'cut: time'],
    [thingy.decodeRawMotion, '00 04', 'cut: y'],
    [thingy.decodeGravity, '00 00 c0 7f 00 00 80 3f 00 00 00 c0', 'x is not a number'],
  ])('%o refuses "%s"', (decode, bytes, reason) => {
    expect(() => decode(packet(bytes))).toThrow(reason);
  });
});
