import type { Sensor } from '@sensocto/client';
import { isPoint, kindOf, quantityOf, type AttributeLike } from '../chart/kinds.ts';

/** What people compare of a room or a group with one click, however devices spell it. */
export type Compared = 'heartrate' | 'position' | 'gaze';

const quantities: readonly Compared[] = ['heartrate', 'position', 'gaze'];

/** Which of these an attribute is, if any. */
export function comparedAs(a: AttributeLike): Compared | undefined {
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
