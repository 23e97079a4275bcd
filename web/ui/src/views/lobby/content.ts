import type { Attribute, Sensor } from '@sensocto/client';
import { kindOf, quantityNames, quantityOf, type Kind } from '../../lib/chart/kinds.ts';

const colours: Readonly<Record<string, number>> = { ecg: 3, heartrate: 3, ppg: 2, respiration: 1, spo2: 6, temperature: 5, eeg: 7, emg: 4, eda: 5, audio: 8 };

/** The trace colour of an attribute, 1 to 8: the same for the same quantity everywhere. */
export const colourOf = (a: Attribute): number => colours[quantityOf(a)?.name ?? ''] ?? 1;

/** What a tile shows in the first place; overview is whatever says most of each sensor. */
export type Lens = 'overview' | 'ecg' | 'heartrate' | 'respiration' | 'ppg' | 'motion' | 'position' | 'gaze' | 'battery';
export const lenses: readonly Lens[] = ['overview', 'heartrate', 'ecg', 'respiration', 'ppg', 'motion', 'position', 'gaze', 'battery'];

/** What stands on a tile. */
export interface Content {
  readonly main: Attribute | undefined;
  /** Numbers beside it, the most telling first. */
  readonly numbers: readonly Attribute[];
  readonly battery: Attribute | undefined;
}

const mainOrder: readonly Kind[] = ['ecg', 'wave', 'axes', 'position', 'gaze', 'number', 'events', 'battery'];

/** What comes first in the order; unknown names come last. */
const rank = (order: readonly string[], name = ''): number => (order.includes(name) ? order.indexOf(name) : order.length);

/** Chooses what a tile shows of a sensor. */
export function contentOf(sensor: Sensor, lens: Lens): Content {
  const byRank = sensor.attributes
    .map((attribute) => ({ attribute, kind: kindOf(attribute), quantity: rank(quantityNames, quantityOf(attribute)?.name) }))
    .sort((a, b) => rank(mainOrder, a.kind) - rank(mainOrder, b.kind) || a.quantity - b.quantity);
  const main = (lens === 'overview' ? byRank[0] : byRank.find((x) => fits(x.attribute, lens)))?.attribute;
  const others = byRank.filter((x) => x.attribute !== main);
  return {
    main,
    numbers: others.filter((x) => x.kind === 'number').map((x) => x.attribute),
    battery: others.find((x) => x.kind === 'battery')?.attribute,
  };
}

/** Whether an attribute is what a lens looks for. */
export function fits(a: Attribute, lens: Lens): boolean {
  if (lens === 'motion') return kindOf(a) === 'axes';
  if (lens === 'position' || lens === 'gaze' || lens === 'battery') return kindOf(a) === lens;
  return quantityOf(a)?.name === lens;
}

/** Whether a sensor has anything of a lens. */
export const hasLens = (sensor: Sensor, lens: Lens): boolean => lens === 'overview' || sensor.attributes.some((a) => fits(a, lens));
