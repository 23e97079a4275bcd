import { expect, test } from 'vitest';
import { Metrics, quantile, rate } from './prometheus.ts';

const first = new Metrics(`# HELP sensocto_store_samples Samples in a tier.
# TYPE sensocto_store_samples gauge
sensocto_store_samples{tier="cold"} 1.5e+06
sensocto_store_samples{tier="hot"} 42
sensocto_sensor_measurements_per_second{sensor="a \\"b\\" \\\\ c\\n,}{"} 512
sensocto_measurements_total 1000
go_goroutines 31
sensocto_database_write_seconds_bucket{le="0.01"} 5
sensocto_database_write_seconds_bucket{le="0.1"} 5
sensocto_database_write_seconds_bucket{le="+Inf"} 5
broken {{
sensocto_nan NaN
`);
const second = new Metrics(`sensocto_measurements_total 1512
sensocto_database_write_seconds_bucket{le="0.01"} 5
sensocto_database_write_seconds_bucket{le="0.1"} 15
sensocto_database_write_seconds_bucket{le="+Inf"} 16
`);

test('reads values and labels', () => {
  expect(first.one('store_samples', { tier: 'cold' })).toBe(1_500_000);
  expect(first.sum('store_samples')).toBe(1_500_042);
  expect(first.one('go_goroutines')).toBe(31);
  expect(first.all('sensor_measurements_per_second')).toEqual([{ labels: { sensor: 'a "b" \\ c\n,}{' }, value: 512 }]);
  expect(first.one('nan')).toBeNaN();
  expect(first.one('missing')).toBeUndefined();
  expect(first.one('store_samples', { tier: 'warm' })).toBeUndefined();
});

test('the rate of a counter', () => {
  expect(rate(first, second, 2, 'measurements_total')).toBe(256);
  expect(rate(second, first, 2, 'measurements_total')).toBeUndefined(); // restarted
  expect(rate(first, second, 0, 'measurements_total')).toBeUndefined();
  expect(rate(first, second, 2, 'missing')).toBeUndefined();
});

test('quantiles of what a histogram saw in between', () => {
  expect(quantile(first, second, 'database_write_seconds', 0.5)).toBeCloseTo(0.01 + 0.09 * 0.55, 12);
  expect(quantile(first, second, 'database_write_seconds', 0.99)).toBe(0.1); // in the last bucket: its beginning
  expect(quantile(first, first, 'database_write_seconds', 0.5)).toBeUndefined(); // nothing happened
  expect(quantile(first, second, 'missing', 0.5)).toBeUndefined();
});
