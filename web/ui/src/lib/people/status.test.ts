import { expect, test } from 'vitest';
import { mostSensors, SensorRates } from './status.ts';
import type { Attention } from './types.ts';

const at = (rates: Record<string, number>) => Object.entries(rates).map(([sensor_id, n]) => ({ sensor_id, rates: { measurements_per_second: n } })) as unknown as Attention['sensors'];

test('the rates of the busiest sensors have a column for each moment', () => {
  const rates = new SensorRates(3);
  rates.add(at({ a: 1 }));
  rates.add(at({ a: 2, b: 50 }));
  expect(rates.busiest).toEqual([{ id: 'a', values: [1, 2] }, { id: 'b', values: [null, 50] }]);
  rates.add(at({ b: 51 }));
  rates.add(at({ b: 52 }));
  expect(rates.busiest).toEqual([{ id: 'a', values: [2, null, null] }, { id: 'b', values: [50, 51, 52] }]);
  rates.add(at({ b: 53 }));
  expect(rates.busiest.map((s) => s.id)).toEqual(['b']); // one that is gone is forgotten
});

test('one busy moment does not change which are shown', () => {
  const rates = new SensorRates(300);
  const steady = Object.fromEntries(Array.from({ length: mostSensors }, (_, i) => [`steady${i}`, 10]));
  for (let i = 0; i < 29; i++) rates.add(at({ ...steady, burst: 0 }));
  rates.add(at({ ...steady, burst: 200 }));
  expect(rates.busiest.map((s) => s.id)).toEqual(Object.keys(steady));
  for (let i = 0; i < 15; i++) rates.add(at({ ...steady, burst: 200 }));
  expect(rates.busiest.map((s) => s.id)).toContain('burst');
});

test('no more than can be told apart, those that send most', () => {
  const rates = new SensorRates(10);
  rates.add(at(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`s${String(i).padStart(2, '0')}`, i]))));
  expect(rates.busiest.map((s) => s.id)).toEqual(Array.from({ length: mostSensors }, (_, i) => `s${30 - mostSensors + i}`));
});
