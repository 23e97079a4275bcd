import type { Client } from '@sensocto/client';
import { axesOf, batteryPercent, kindOf, type AttributeLike, type Kind } from './kinds.ts';
import type { PaneOptions } from './pane.ts';
import { Series } from './series.ts';
import { seriesSink, type SensorFeed } from './sensorfeed.ts';
import { DocumentTiles, numberOf, numberTiles, type DocumentField } from './source.ts';
import type { TileCache } from './tilecache.ts';

/** The traces of one attribute: one for a number, one for each axis of a document. */
export interface AttributeSeries {
  readonly id: string;
  /** Of the attribute, without that of the sensor. */
  readonly name: string;
  readonly kind: Kind;
  readonly pane: PaneOptions;
  close(): void;
}

export interface SeriesContext {
  readonly client: Client;
  readonly cache: TileCache;
  readonly sensorId: string;
  readonly feed: SensorFeed;
  /** Called when live measurements came. */
  readonly arrived: () => void;
}

/** Taller panes for what has shape. */
const WEIGHT: Partial<Record<Kind, number>> = { ecg: 2, wave: 1.3, axes: 1.3 };

/** Makes the traces of an attribute and feeds them; null where it cannot be drawn over time. Axes have the first colours, in order. */
export function attributeSeries(context: SeriesContext, a: AttributeLike, colour: number, label = a.attribute_name || a.id): AttributeSeries | null {
  const kind = kindOf(a);
  const parts = partsOf(kind, a);
  if (!parts) return null;
  const { client, cache, sensorId, feed } = context;
  const documents = new DocumentTiles(client, sensorId, a.id);
  const ends: (() => void)[] = [];
  const series = parts.map(({ name, part }, i) => {
    const fetch = part ? documents.of(part) : numberTiles(client, sensorId, a.id);
    const s = new Series({ label: name || label, unit: a.unit, colour: kind === 'axes' ? i + 1 : colour, rate: a.sampling_rate, fetch }, cache);
    ends.push(feed.follow(a.id, seriesSink(s, context.arrived, part && numberOf(part))), () => s.close());
    return s;
  });
  const weight = WEIGHT[kind] ?? 1;
  const unit = kind === 'battery' ? '%' : a.unit;
  return { id: a.id, name: a.attribute_name || a.id, kind, pane: { label, unit, series, weight }, close: () => ends.forEach((end) => end()) };
}

interface Part {
  readonly name: string;
  /** Where the number is, if not the measurement itself. */
  readonly part?: DocumentField;
}

function partsOf(kind: Kind, a: AttributeLike): Part[] | null {
  const payload = a.last_value?.payload;
  if (kind === 'axes') {
    const axes = axesOf(payload);
    return (axes.length > 0 ? axes : ['x', 'y', 'z']).map((name) => ({ name, part: { field: name } }));
  }
  if (kind === 'battery' && typeof payload === 'object') return [{ name: '', part: { field: 'level', scale: batteryPercent } }];
  return kind === 'events' || kind === 'position' ? null : [{ name: '' }];
}
