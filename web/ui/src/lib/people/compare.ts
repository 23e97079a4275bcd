import type { Sensor } from '@sensocto/client';
import { isPoint, kindOf, quantityOf } from '../chart/kinds.ts';

type Attribute = Sensor['attributes'][number];

/** What people compare of a room or a group with one click. */
export type Compared = 'heartrate' | 'position' | 'gaze';

const quantities: readonly Compared[] = ['heartrate', 'position', 'gaze'];

function comparedAs(a: Attribute): Compared | undefined {
  const kind = kindOf(a);
  if (isPoint(kind)) return kind;
  return kind === 'number' && quantityOf(a)?.name === 'heartrate' ? 'heartrate' : undefined;
}

export interface Comparison {
  readonly quantity: Compared;
  readonly href: string;
}

/** The addresses that compare a quantity of all of these sensors, for each that more than one of them measures. */
export function comparisonsOf(sensors: readonly Sensor[]): Comparison[] {
  return quantities.flatMap((quantity) => {
    const pairs = sensors.flatMap((s) => s.attributes.filter((a) => comparedAs(a) === quantity).map((a) => ['a', `${s.sensor_id}/${a.id}`]));
    return pairs.length < 2 ? [] : [{ quantity, href: `/compare?${new URLSearchParams(pairs)}` }];
  });
}
