import type { Sensor } from '@sensocto/client';

/** Whether an attribute is a heart rate. */
const isHeartRate = (a: Sensor['attributes'][number]): boolean => a.attribute_type === 'heartrate' || a.id === 'heartrate';

/** The address that compares all heart rates of these sensors; undefined where there is nothing to compare. */
export function heartRatesOf(sensors: readonly Sensor[]): string | undefined {
  const pairs = sensors.flatMap((s) => s.attributes.filter(isHeartRate).map((a) => ['a', `${s.sensor_id}/${a.id}`]));
  return pairs.length < 2 ? undefined : `/compare?${new URLSearchParams(pairs)}`;
}
