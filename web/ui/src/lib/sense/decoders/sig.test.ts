import { describe, expect, test } from 'vitest';
import { packet } from '../testing.ts';
import { decodeBatteryLevel } from './battery.ts';
import { decodeCyclingPower } from './cyclingPower.ts';
import { decodeCyclingSpeed } from './cyclingSpeed.ts';
import { decodeMagneticFlux, decodeQuantity, quantities } from './environmental.ts';
import { decodeContinuousOximetry, decodeSpotCheckOximetry } from './pulseOximeter.ts';
import { decodeRunningSpeed } from './runningSpeed.ts';
import { celsius, decodeTemperature } from './thermometer.ts';

test('Battery Level', () => {
  expect(decodeBatteryLevel(packet('57'))).toBe(87);
  expect(decodeBatteryLevel(packet('00'))).toBe(0);
  expect(() => decodeBatteryLevel(packet('65'))).toThrow('Battery Level: 101 %');
  expect(() => decodeBatteryLevel(packet('57 00'))).toThrow('1 byte too many');
});

describe('Environmental Sensing', () => {
  test.each([
    ['temperature', '29 09', 23.45],
    ['temperature', 'a3 ff', -0.93],
    ['temperature', '00 80', null],
    ['humidity', '94 11', 45],
    ['humidity', 'ff ff', null],
    ['pressure', 'cd 75 0f 00', 1013.197],
    ['elevation', '10 27 00', 100],
    ['elevation', 'f0 d8 ff', -100],
    ['elevation', '00 00 80', null],
    ['dew_point', 'fb', -5],
    ['heat_index', '20', 32],
    ['wind_chill', 'ec', -20],
    ['true_wind_speed', '39 05', 13.37],
    ['true_wind_direction', '9f 8c', 359.99],
    ['apparent_wind_speed', '01 00', 0.01],
    ['apparent_wind_direction', '28 23', 90],
    ['gust_factor', '0f', 1.5],
    ['pollen', 'ff ff 7f', 8388607],
    ['uv_index', '0b', 11],
    ['irradiance', '10 27', 1000],
    ['rainfall', '2a 00', 42],
    ['magnetic_declination', 'c8 00', 2],
    ['co2', 'a4 01', 420],
    ['co2', 'ff ff', null],
    ['illuminance', 'a0 86 01', 1000],
    ['illuminance', 'ff ff ff', null],
  ])('%s %s', (id, bytes, want) => {
    expect(decodeQuantity(quantities.find((q) => q.id === id)!, packet(bytes))).toBe(want);
  });

  test('every quantity refuses cut and longer values', () => {
    for (const q of quantities) {
      const size = Number(q.read.slice(1)) / 8;
      expect(() => decodeQuantity(q, packet('00 '.repeat(size - 1)))).toThrow('cut');
      expect(() => decodeQuantity(q, packet('00 '.repeat(size + 1)))).toThrow('1 byte too many');
    }
  });

  test('refuses what no humidity and no direction is', () => {
    expect(() => decodeQuantity(quantities.find((q) => q.id === 'humidity')!, packet('11 27'))).toThrow('10001 is more than 10000');
    expect(() => decodeQuantity(quantities.find((q) => q.id === 'true_wind_direction')!, packet('a0 8c'))).toThrow('36000');
  });

  test('Magnetic Flux Density - 3D', () => {
    expect(decodeMagneticFlux(packet('d3 00 00 00 2d ff'))).toEqual({ x: 21.1, y: 0, z: -21.1 });
    expect(() => decodeMagneticFlux(packet('d3 00 00 00 2d'))).toThrow('cut: z needs 2 bytes, 1 left');
  });
});

describe('RSC Measurement', () => {
  test('speed and cadence alone', () => {
    expect(decodeRunningSpeed(packet('00 80 02 5a'))).toEqual({ speed: 2.5, cadence: 90, strideLength: null, distance: null, running: false });
  });
  test('stride, distance, running', () => {
    expect(decodeRunningSpeed(packet('07 00 03 b4 6e 00 10 27 00 00'))).toEqual({
      speed: 3,
      cadence: 180,
      strideLength: 1.1,
      distance: 1000,
      running: true,
    });
  });
  test('refuses a cut distance', () => {
    expect(() => decodeRunningSpeed(packet('02 00 03 b4 10 27 00'))).toThrow('RSC Measurement: cut: total distance needs 4 bytes, 3 left');
  });
});

describe('CSC Measurement', () => {
  test('wheel and crank', () => {
    expect(decodeCyclingSpeed(packet('03 01 00 01 00 00 04 05 00 00 08'))).toEqual({
      wheel: { count: 65537, time: 1024 },
      crank: { count: 5, time: 2048 },
    });
  });
  test('crank alone', () => {
    expect(decodeCyclingSpeed(packet('02 05 00 00 08'))).toEqual({ wheel: null, crank: { count: 5, time: 2048 } });
  });
  test('refuses a cut wheel', () => {
    expect(() => decodeCyclingSpeed(packet('01 01 00 01 00 00'))).toThrow('cut: wheel event time');
  });
});

describe('Cycling Power Measurement', () => {
  const nothing = {
    balance: null,
    leftBalance: false,
    torque: null,
    crankTorque: false,
    wheel: null,
    crank: null,
    force: null,
    extremeTorque: null,
    angles: null,
    topDeadSpot: null,
    bottomDeadSpot: null,
    energy: null,
  };
  test('power alone, also negative', () => {
    expect(decodeCyclingPower(packet('00 00 fa 00'))).toEqual({ ...nothing, power: 250 });
    expect(decodeCyclingPower(packet('00 00 f6 ff'))).toEqual({ ...nothing, power: -10 });
  });
  test('all fields in their order', () => {
    const bytes = 'ff 0f fa 00 65 40 00 01 00 00 00 00 08 02 00 00 04 64 00 9c ff 40 00 c0 ff 5a e0 10 01 00 b4 00 64 00';
    expect(decodeCyclingPower(packet(bytes))).toEqual({
      power: 250,
      balance: 50.5,
      leftBalance: true,
      torque: 2,
      crankTorque: true,
      wheel: { count: 1, time: 2048 },
      crank: { count: 2, time: 1024 },
      force: { max: 100, min: -100 },
      extremeTorque: { max: 2, min: -2 },
      angles: { max: 0x05a, min: 0x10e },
      topDeadSpot: 1,
      bottomDeadSpot: 180,
      energy: 100,
    });
  });
  test('refuses impossible balances and cut fields', () => {
    expect(() => decodeCyclingPower(packet('01 00 fa 00 c9'))).toThrow('pedal balance of 100.5 %');
    expect(() => decodeCyclingPower(packet('00 08 fa 00 64'))).toThrow('cut: accumulated energy');
    expect(() => decodeCyclingPower(packet('00 00 fa 00 64'))).toThrow('1 byte too many');
  });
});

describe('Pulse Oximeter', () => {
  test('continuous, normal alone', () => {
    expect(decodeContinuousOximetry(packet('00 62 00 48 00'))).toMatchObject({ spo2: 98, pulseRate: 72, fast: null, slow: null, amplitude: null });
  });
  test('continuous, everything', () => {
    expect(decodeContinuousOximetry(packet('1f d4 f3 48 00 61 00 49 00 60 00 4a 00 20 00 01 00 80 7b f0'))).toEqual({
      spo2: 98,
      pulseRate: 72,
      fast: { spo2: 97, pulseRate: 73 },
      slow: { spo2: 96, pulseRate: 74 },
      measurementStatus: 0x20,
      deviceStatus: 0x800001,
      amplitude: 12.3,
      time: null,
    });
  });
  test('a finger that is not there is no value', () => {
    expect(decodeContinuousOximetry(packet('00 ff 07 ff 07'))).toMatchObject({ spo2: null, pulseRate: null });
  });
  test('spot check with a time', () => {
    const spot = decodeSpotCheckOximetry(packet('01 62 00 48 00 ea 07 0b 1c 0f 1e 2d'));
    expect(spot.time).toBe(new Date(2026, 10, 28, 15, 30, 45).getTime());
  });
  test('spot check of an oximeter whose clock is not set', () => {
    expect(decodeSpotCheckOximetry(packet('11 62 00 48 00 ea 07 0b 1c 0f 1e 2d')).time).toBeNull();
  });
  test('refuses cut values', () => {
    expect(() => decodeContinuousOximetry(packet('01 62 00 48 00 61 00'))).toThrow('cut: pulse rate');
    expect(() => decodeSpotCheckOximetry(packet('01 62 00 48 00 ea 07 0b'))).toThrow('cut: day');
  });
});

describe('Temperature Measurement', () => {
  test('°C, no time', () => {
    expect(decodeTemperature(packet('00 6e 01 00 ff'))).toEqual({ value: 36.6, unit: '°C', time: null, site: null });
  });
  test('°F, time, site', () => {
    const t = decodeTemperature(packet('07 db 03 00 ff ea 07 0b 1c 0f 1e 2d 03'));
    expect(t).toEqual({ value: 98.7, unit: '°F', time: new Date(2026, 10, 28, 15, 30, 45).getTime(), site: 'ear' });
    expect(celsius(t)).toBe(37.056);
  });
  test('a time that is not known', () => {
    expect(decodeTemperature(packet('02 6e 01 00 ff 00 00 0b 1c 0f 1e 2d')).time).toBeNull();
  });
  test('no value', () => {
    expect(celsius(decodeTemperature(packet('01 ff ff 7f 00')))).toBeNull();
  });
  test.each([
    ['00 6e 01 00', 'cut: temperature needs 4 bytes, 3 left'],
    ['02 6e 01 00 ff ea 07 02 1e 0f 1e 2d', 'no such time: 2026-2-30 15:30:45'],
    ['02 6e 01 00 ff ea 07 02 1c 18 1e 2d', 'no such time'],
    ['04 6e 01 00 ff 0a', 'unknown temperature type 10'],
    ['00 6e 01 00 ff 00', '1 byte too many'],
  ])('refuses "%s"', (bytes, reason) => {
    expect(() => decodeTemperature(packet(bytes))).toThrow(reason);
  });
});
