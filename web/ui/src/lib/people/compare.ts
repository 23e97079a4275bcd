import type { Sensor } from '@sensocto/client';
import { isPoint, kindOf } from '../chart/kinds.ts';

type Attribute = Sensor['attributes'][number];

/** What people compare of a room or a group with one click. */
export type Quantity = 'heartrate' | 'position' | 'gaze';

const quantities: readonly Quantity[] = ['heartrate', 'position', 'gaze'];

function quantityOf(a: Attribute): Quantity | undefined {
  if (a.attribute_type === 'heartrate' || a.id === 'heartrate') return 'heartrate';
  const kind = kindOf(a);
  return isPoint(kind) ? kind : undefined;
}

export interface Comparison {
  readonly quantity: Quantity;
  readonly href: string;
}

/** The addresses that compare a quantity of all of these sensors, for each that more than one of them measures. */
export function comparisonsOf(sensors: readonly Sensor[]): Comparison[] {
  return quantities.flatMap((quantity) => {
    const pairs = sensors.flatMap((s) => s.attributes.filter((a) => quantityOf(a) === quantity).map((a) => ['a', `${s.sensor_id}/${a.id}`]));
    return pairs.length < 2 ? [] : [{ quantity, href: `/compare?${new URLSearchParams(pairs)}` }];
  });
}
