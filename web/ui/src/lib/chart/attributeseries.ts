import type { Client } from '@sensocto/client';
import { EAST, NORTH } from '../text/format.ts';
import { m } from '../text/index.svelte.ts';
import { batteryPercent, fieldsOf, isPoint, kindOf, type AttributeLike, type Kind } from './kinds.ts';
import type { PaneOptions } from './pane.ts';
import { Series } from './series.ts';
import { seriesSink, type SensorFeed } from './sensorfeed.ts';
import { DocumentTiles, numberOf, numberTiles, type DocumentField } from './source.ts';
import type { TileCache } from './tilecache.ts';

/** A pane of an attribute, by itself or beside those of others. */
export interface AttributePane extends PaneOptions {
  /** Its name without that of the sensor. */
  readonly name: string;
  /** Panes of one group can be overlaid: they share a value axis. */
  readonly group: string;
}

/** The traces of one attribute: one for a number, one for each axis of a document; the two coordinates of a point have a pane each. */
export interface AttributeSeries {
  readonly id: string;
  readonly kind: Kind;
  readonly panes: readonly AttributePane[];
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
const WEIGHT: Partial<Record<Kind, number>> = { ecg: 2, wave: 1.3, axes: 1.3, position: 0.8, gaze: 0.8 };

/** Makes the traces of an attribute and feeds them; null where it cannot be drawn over time. Axes have the first colours, in order. */
export function attributeSeries(context: SeriesContext, a: AttributeLike, colour: number, label = a.attribute_name || a.id): AttributeSeries | null {
  const kind = kindOf(a);
  const parts = partsOf(kind, a);
  if (!parts) return null;
  const { client, cache, sensorId, feed } = context;
  const documents = new DocumentTiles(client, sensorId, a.id);
  const ends: (() => void)[] = [];
  const series = parts.map(({ name, part, unit = a.unit }, i) => {
    const fetch = part ? documents.of(part) : numberTiles(client, sensorId, a.id);
    const title = isPoint(kind) ? titled(label, name) : name || label;
    const s = new Series({ label: title, unit, colour: kind === 'axes' ? i + 1 : colour, rate: a.sampling_rate, fetch }, cache);
    ends.push(feed.follow(a.id, seriesSink(s, context.arrived, part && numberOf(part))), () => s.close());
    return s;
  });
  return { id: a.id, kind, panes: panesOf(context.sensorId, kind, a, label, parts, series), close: () => ends.forEach((end) => end()) };
}

const titled = (label: string, coordinate: string): string => `${label} · ${m.chart.coordinate(coordinate)}`;

function panesOf(sensorId: string, kind: Kind, a: AttributeLike, label: string, parts: readonly Part[], series: readonly Series[]): AttributePane[] {
  const name = a.attribute_name || a.id;
  const weight = WEIGHT[kind] ?? 1;
  if (isPoint(kind)) {
    return series.map((s, i) => {
      const coordinate = (parts[i] as Part).name;
      return { label: s.options.label, name: titled(name, coordinate), group: `${kind} ${coordinate}`, unit: s.options.unit, series: [s], weight };
    });
  }
  const unit = kind === 'battery' ? '%' : a.unit;
  return [{ label, name, group: kind === 'axes' ? `axes of ${sensorId} ${a.id}` : `${kind} ${unit}`, unit, series, weight }];
}

interface Part {
  /** Of the axis or the coordinate; empty where there is one trace. */
  readonly name: string;
  /** Where the number is, if not the measurement itself. */
  readonly part?: DocumentField;
  /** If not that of the attribute. */
  readonly unit?: string;
}

function partsOf(kind: Kind, a: AttributeLike): Part[] | null {
  if (kind === 'events') return null;
  const fields = fieldsOf(kind, a.last_value?.payload);
  if (kind === 'axes' || kind === 'gaze') return fields.map((field) => ({ name: field, part: { field } }));
  if (kind === 'position') {
    const [longitude = '', latitude = ''] = fields;
    return [
      { name: 'longitude', part: { field: longitude }, unit: EAST },
      { name: 'latitude', part: { field: latitude }, unit: NORTH },
    ];
  }
  const [field] = fields;
  if (field === undefined) return [{ name: '' }];
  return [{ name: '', part: kind === 'battery' ? { field, scale: batteryPercent } : { field } }];
}
