import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex, packet } from '../testing.ts';
import { answers, decodeControl, decodeFeatures, settingsCommand, startCommand, stopCommand } from './polarControl.ts';
import { decodePmdFrame } from './polarPmd.ts';

// 599616023171427290 ns since 2000, an example of Polar's own.
const stamp = 'da 3b 29 00 50 45 52 08';
const stampMs = Number(0x085245500029_3bdan / 1_000_000n) + Number(0x085245500029_3bdan % 1_000_000n) / 1e6;

describe('Polar data frames', () => {
  test('ECG: µV in 24 bits', () => {
    expect(decodePmdFrame(packet(`00 ${stamp} 00 10 27 00 f0 d8 ff 00 00 00`))).toEqual({
      type: 'ecg',
      time: stampMs,
      samples: [10000, -10000, 0],
    });
  });

  test('a time is exact to a tenth of a microsecond', () => {
    expect(decodePmdFrame(packet('00 01 e1 f5 05 00 00 00 00 00 00 00 00')).time).toBe(100.000001);
  });

  test.each([
    ['8 bits', '00', 'e8 03 ff', [{ x: -0.024, y: 0.003, z: -0.001 }]],
    ['16 bits', '01', 'e8 03 18 fc 01 00', [{ x: 1, y: -1, z: 0.001 }]],
    ['24 bits', '02', '40 1f 00 c0 e0 ff 00 00 00', [{ x: 8, y: -8, z: 0 }]],
  ])('acceleration in %s of mg', (_, kind, bytes, samples) => {
    expect(decodePmdFrame(packet(`02 ${stamp} ${kind} ${bytes}`)).samples).toEqual(samples);
  });

  test('compressed acceleration: a sample, then blocks of packed differences', () => {
    // 3 bits a difference, 2 samples: (1, -1, 2), (-2, 3, -4), least significant bit first, 18 bits in 3 bytes
    const packed = [0b001, 0b111, 0b010, 0b110, 0b011, 0b100].reduce((sum, d, i) => sum + d * 2 ** (3 * i), 0);
    const bytes = [0, 8, 16].map((s) => ((packed >> s) & 0xff).toString(16)).join(' ');
    // then 8 bits, 1 sample: (127, -128, 0)
    const frame = `02 ${stamp} 81 e8 03 00 00 18 fc 03 02 ${bytes} 08 01 7f 80 00`;
    expect(decodePmdFrame(packet(frame)).samples).toEqual([
      { x: 1, y: 0, z: -1 },
      { x: 1.001, y: -0.001, z: -0.998 },
      { x: 0.999, y: 0.002, z: -1.002 },
      { x: 1.126, y: -0.126, z: -1.002 },
    ]);
  });

  test('compressed acceleration of type 0 is in g with the factor of the sensor', () => {
    expect(decodePmdFrame(packet(`02 ${stamp} 80 00 10 00 f0 00 00`), 2 ** -12).samples).toEqual([{ x: 1, y: -1, z: 0 }]);
  });

  test('compressed rotation and field', () => {
    expect(decodePmdFrame(packet(`05 ${stamp} 80 10 00 f0 ff 00 00`), 0.0625).samples).toEqual([{ x: 1, y: -1, z: 0 }]);
    expect(decodePmdFrame(packet(`06 ${stamp} 80 10 00 f0 ff 00 00`), 0.0625).samples).toEqual([{ x: 1, y: -1, z: 0 }]);
    expect(decodePmdFrame(packet(`06 ${stamp} 81 e8 03 18 fc 00 00 03 00`)).samples).toEqual([{ x: 1, y: -1, z: 0 }]);
  });

  test('PPG: three lights and the ambient light', () => {
    const want = [[1, -1, 8388607, -8388608]];
    expect(decodePmdFrame(packet(`01 ${stamp} 00 01 00 00 ff ff ff ff ff 7f 00 00 80`)).samples).toEqual(want);
    expect(decodePmdFrame(packet(`01 ${stamp} 80 01 00 00 ff ff ff ff ff 7f 00 00 80`)).samples).toEqual(want);
  });

  test('PPI', () => {
    expect(decodePmdFrame(packet('03 00 00 00 00 00 00 00 00 00 3c e8 03 0a 00 06 3d d4 03 05 00 01'))).toEqual({
      type: 'ppi',
      time: 0,
      samples: [
        { heartRate: 60, interval: 1000, error: 10, blocked: false, contact: true },
        { heartRate: 61, interval: 980, error: 5, blocked: true, contact: null },
      ],
    });
  });

  test.each([
    [`00 da 3b`, 'cut: timestamp needs 8 bytes, 2 left'],
    [`04 ${stamp} 00 00`, 'unknown measurement type 4'],
    [`00 ${stamp} 00`, 'no samples'],
    [`00 ${stamp} 01 00 00 00`, 'frame type 1 of ecg is not known'],
    [`00 ${stamp} 80 00 00 00`, 'frame type 0, compressed, of ecg is not known'],
    [`00 ${stamp} 00 10 27`, 'cut: sample needs 3 bytes, 2 left'],
    [`02 ${stamp} 01 e8 03 18 fc`, 'cut: sample needs 2 bytes, 0 left'],
    [`02 ${stamp} 81 e8 03 00 00 18 fc 03`, 'cut: number of differences'],
    [`02 ${stamp} 81 e8 03 00 00 18 fc 03 02 00 00`, 'cut: differences needs 3 bytes, 2 left'],
    [`02 ${stamp} 81 e8 03 00 00 18 fc 21 01 00`, 'differences of 33 bits'],
    [`02 ${stamp} 81 e8 03 00 00 18 fc 00 ff`, 'differences of 0 bits'],
    [`02 ${stamp} 81 ff 7f 00 00 00 00 08 01 01 00 00`, 'a sample of more than 16 bits'],
    [`03 ${stamp} 00 3c e8 03 0a 00`, 'cut: flags needs 1 byte, 0 left'],
  ])('refuses "%s"', (bytes, reason) => {
    expect(() => decodePmdFrame(packet(bytes))).toThrow(reason);
  });

  test('what is packed comes out again, for all widths', () => {
    const rows = fc.array(fc.tuple(...Array.from({ length: 3 }, () => fc.integer({ min: -900, max: 900 }))), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 12, max: 20 }), (rows, width) => {
        const got = decodePmdFrame(pack(rows, width)).samples;
        expect(got).toEqual(rows.map(([x = 0, y = 0, z = 0]) => ({ x: x / 1000, y: y / 1000, z: z / 1000 })));
      }),
    );
  });
});

/** The opposite of the decoder, bit by bit. */
function pack(rows: number[][], width: number): DataView {
  const first = rows[0]!.flatMap((v) => [v & 0xff, (v >> 8) & 0xff]);
  const bits = rows.slice(1).flatMap((row, i) => row.flatMap((v, c) => Array.from({ length: width }, (_, b) => ((v - rows[i]![c]!) >> b) & 1)));
  const packed = Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) => bits.slice(i * 8, i * 8 + 8).reduce((sum, b, j) => sum | (b << j), 0));
  const block = rows.length > 1 ? [width, rows.length - 1, ...packed] : [];
  return new DataView(new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, ...first, ...block]).buffer);
}

describe('Polar control point', () => {
  test('features', () => {
    expect(decodeFeatures(packet('0f 05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00'))).toEqual(['ecg', 'acc']);
    expect(decodeFeatures(packet('0f 6e'))).toEqual(['ppg', 'acc', 'ppi', 'gyro', 'mag']);
    expect(() => decodeFeatures(packet('f0 05'))).toThrow('not a list of features');
  });

  test('commands', () => {
    expect(hex(settingsCommand('acc'))).toBe('01 02');
    expect(hex(startCommand('ecg', { sampleRate: 130, resolution: 14 }))).toBe('02 00 00 01 82 00 01 01 0e 00');
    expect(hex(startCommand('acc', { sampleRate: 200, resolution: 16, range: 8 }))).toBe('02 02 00 01 c8 00 01 01 10 00 02 01 08 00');
    expect(hex(startCommand('ppg', { sampleRate: 55, resolution: 22, channels: 4, factor: 1 }))).toBe('02 01 00 01 37 00 01 01 16 00 04 01 04');
    expect(hex(startCommand('ppi', {}))).toBe('02 03');
    expect(hex(stopCommand('ecg'))).toBe('03 00');
  });

  test('settings', () => {
    const response = decodeControl(packet('f0 01 02 00 00 00 04 19 00 32 00 64 00 c8 00 01 01 10 00 02 03 02 00 04 00 08 00'));
    expect(response).toEqual({
      kind: 'response',
      command: 1,
      type: 'acc',
      error: null,
      more: false,
      settings: { sampleRate: [25, 50, 100, 200], resolution: [16], range: [2, 4, 8] },
    });
    expect(answers(response, 'settings', 'acc')).toBe(true);
    expect(answers(response, 'start', 'acc')).toBe(false);
    expect(answers(response, 'settings', 'ecg')).toBe(false);
  });

  test('a factor is a float', () => {
    expect(decodeControl(packet('f0 02 05 00 00 05 01 00 00 80 3d'))).toMatchObject({ type: 'gyro', settings: { factor: [0.0625] } });
  });

  test('errors, a measurement that the sensor ended', () => {
    expect(decodeControl(packet('f0 02 00 06'))).toMatchObject({ type: 'ecg', error: 'already in this state', settings: {} });
    expect(decodeControl(packet('f0 02 00 63'))).toMatchObject({ error: 'error 99' });
    expect(decodeControl(packet('01 00 02'))).toEqual({ kind: 'stopped', types: ['ecg', 'acc'] });
  });

  test.each([
    ['', 'cut: code'],
    ['aa', 'unknown code 170'],
    ['f0 01', 'cut: measurement type'],
    ['f0 01 02 00 00 00 04 19', 'cut: sampleRate needs 2 bytes, 1 left'],
    ['f0 02 05 00 00 05 01 00 00 c0 7f', 'factor is not a number'],
  ])('refuses "%s"', (bytes, reason) => {
    expect(() => decodeControl(packet(bytes))).toThrow(reason);
  });
});
