import { beforeEach, describe, expect, test } from 'vitest';
import * as de from './de/index.ts';
import { reasons as deReasons } from './de/errors.ts';
import { reasons as enReasons } from './en/errors.ts';
import * as en from './en/index.ts';
import { bytes, duration, measured, ago, plural, unitName, withUnit } from './format.ts';
import { languageOf, m, text } from './index.svelte.ts';

beforeEach(() => text.use('en'));

test('a kept language wins, then the first that is there, then English', () => {
  expect(languageOf('de', ['en-GB'])).toBe('de');
  expect(languageOf('fr', ['fr-FR', 'de-AT', 'en'])).toBe('de');
  expect(languageOf(null, ['fr'])).toBe('en');
});

test('messages follow the language', async () => {
  expect(m.app.rooms()).toBe('Rooms');
  await text.use('de');
  expect(m.app.rooms()).toBe('Räume');
});

test('each message is translated in each language', () => {
  for (const [area, messages] of Object.entries(en)) {
    expect(Object.keys(de[area as keyof typeof de]), area).toEqual(Object.keys(messages));
  }
});

test('each reason of an error is translated, and an unknown one has no words', () => {
  expect(Object.keys(deReasons)).toEqual(Object.keys(enReasons));
  expect([en.errors.reason('link_expired'), en.errors.reason('constructor'), de.errors.reason('new_one')].map(Boolean)).toEqual([true, false, false]);
});

describe('numbers and times', () => {
  test.each([
    [0.35, '0.4 ms'],
    [350, '350 ms'],
    [1500, '1.5 sec'],
    [65_000, '1 min 5 sec'],
    [3_600_000, '1 hr'],
    [90_000_000, '1 day 1 hr'],
  ])('duration of %d ms', (ms, want) => expect(duration(ms)).toBe(want));

  test('measured values keep what changes', () => {
    expect([0.0123456, 1.23456, 123.456, 12345.6].map((v) => measured(v))).toEqual(['0.012', '1.23', '123.5', '12,346']);
    expect(measured(48.2081743, '°N')).toBe('48.20817'); // to a metre
  });

  test('degrees have their direction, in each language', async () => {
    expect([withUnit(48.2, '°N'), withUnit(-33.9, '°N'), withUnit(16.37, '°E'), withUnit(-71.05, '°E')]).toEqual(['48.20000 °N', '33.90000 °S', '16.37000 °E', '71.05000 °W']);
    expect(m.chart.bucket(-1, 1, 2, '°E')).toBe('1.00000 °W to 1.00000 °E (2)');
    expect([withUnit(72.5, 'bpm'), withUnit(3), unitName('°E')]).toEqual(['72.5 bpm', '3', '°E']);
    await text.use('de');
    expect([withUnit(16.37, '°E'), unitName('°E'), unitName('bpm')]).toEqual(['16,37000 °O', '°O', 'bpm']);
  });

  test('bytes, ago, plural', async () => {
    expect(bytes(1_540_000)).toBe('1.5 MB');
    expect(ago(0, 180_000)).toBe('3 minutes ago');
    expect(plural(1, 'sensor', 'sensors')).toBe('sensor');
    await text.use('de');
    expect(ago(0, 180_000)).toBe('vor 3 Minuten');
    expect(measured(1.5)).toBe('1,5');
  });
});
