import type { Client, Sensor } from '@sensocto/client';
import { attributeNames } from '../../lib/app/names.ts';
import { attributeSeries, type AttributePane, type AttributeSeries } from '../../lib/chart/attributeseries.ts';
import type { Chart } from '../../lib/chart/chart.ts';
import { isPoint, type AttributeLike } from '../../lib/chart/kinds.ts';
import type { PaneOptions } from '../../lib/chart/pane.ts';
import { SensorFeed } from '../../lib/chart/sensorfeed.ts';
import { Settler } from '../../lib/chart/settler.ts';
import { TileCache } from '../../lib/chart/tilecache.ts';
import type { Series } from '../../lib/chart/series.ts';
import type { Choice } from './chosen.ts';

/** A choice that is shown. */
interface Compared extends AttributeSeries {
  readonly key: string;
  readonly sensor: string;
  readonly attribute: string;
}

/** A choice whose sensor is known. */
interface Known extends Choice {
  readonly attribute: AttributeLike;
  readonly sensorName: string;
  readonly attributeName: string;
}

const keyOf = (c: Choice): string => `${c.sensorId}/${c.attributeId}`;

/** The way of one sensor over a plane. */
export interface Track {
  readonly kind: 'position' | 'gaze';
  /** Its name, with that of the attribute where the sensor has several of this kind. */
  readonly sensor: string;
  /** To the right, and upwards or downwards. */
  readonly x: Series;
  readonly y: Series;
}

/** Attributes of several sensors on one time axis, and their feeds: one for each sensor, while something of it is shown. */
export class CompareModel {
  #panes = $state.raw<readonly PaneOptions[]>([]);
  #tracks = $state.raw<readonly Track[]>([]);
  #refused = $state.raw<ReadonlySet<string>>(new Set());
  readonly #feeds = new Map<string, SensorFeed>();
  readonly #series = new Map<string, Compared>();
  readonly #cache = new TileCache();
  #chart: Chart | undefined;
  #composed = '';
  readonly #settler = new Settler(() => [...this.#series.values()].flatMap((s) => s.panes.flatMap((p) => p.series)));

  constructor(private readonly client: Client) {}

  get panes(): readonly PaneOptions[] {
    return this.#panes;
  }
  /** Where sensors are and what people look at, as far as that is chosen. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }
  /** Sensors that may not be seen, or not any more. */
  get refused(): ReadonlySet<string> {
    return this.#refused;
  }

  attach = (chart: Chart): (() => void) => {
    this.#chart = chart;
    chart.arrived();
    return () => (this.#chart = undefined);
  };

  /** Shows the choices as far as their sensors are known. names: what the sensors are called. */
  show(choices: readonly Choice[], sensors: ReadonlyMap<string, Sensor>, overlay: boolean, names: ReadonlyMap<string, string>): void {
    const known = choices.flatMap((c) => {
      const sensor = sensors.get(c.sensorId);
      const attribute = sensor?.attributes.find((a) => a.id === c.attributeId);
      return sensor && attribute ? [{ ...c, attribute, sensorName: names.get(c.sensorId) ?? c.sensorId, attributeName: attributeNames(sensor.attributes).get(attribute.id) ?? attribute.id }] : [];
    });
    const composed = JSON.stringify([overlay, known.map((c) => [keyOf(c), c.sensorName, c.attributeName])]);
    if (composed === this.#composed) return;
    this.#composed = composed;
    this.#drop(known);
    const all = known.flatMap((c, i) => this.#of(c, i) ?? []);
    this.#panes = composedPanes(all, overlay);
    this.#tracks = tracksOf(all);
  }

  close(): void {
    this.#settler.close();
    this.#drop([]);
  }

  #of(c: Known, i: number): Compared | null {
    const key = keyOf(c);
    const before = this.#series.get(key);
    if (before?.sensor === c.sensorName && before.attribute === c.attributeName) return before;
    before?.close(); // it is called something else now
    this.#series.delete(key);
    const context = { client: this.client, cache: this.#cache, sensorId: c.sensorId, feed: this.#feed(c.sensorId), arrived: () => this.#chart?.arrived() };
    const made = attributeSeries(context, c.attribute, i + 1, `${c.sensorName} · ${c.attributeName}`);
    if (!made) return null;
    const compared = { ...made, key, sensor: c.sensorName, attribute: c.attributeName };
    this.#series.set(key, compared);
    return compared;
  }

  #feed(sensorId: string): SensorFeed {
    const known = this.#feeds.get(sensorId);
    if (known) return known;
    const feed = new SensorFeed(this.client, sensorId, {
      sensor: () => {},
      state: (s) => s === 'ended' && (this.#refused = new Set([...this.#refused, sensorId])),
      lagged: () => this.#settler.lagged(),
    });
    this.#feeds.set(sensorId, feed);
    return feed;
  }

  #drop(kept: readonly Choice[]): void {
    const keys = new Set(kept.map(keyOf));
    for (const [key, s] of this.#series) {
      if (keys.has(key)) continue;
      s.close();
      this.#series.delete(key);
    }
    for (const [id, feed] of this.#feeds) {
      if (kept.some((c) => c.sensorId === id)) continue;
      feed.close();
      this.#feeds.delete(id);
    }
  }
}

/** The ways of those that have a point, each called so that it can be told from the others. */
export function tracksOf(all: readonly Pick<Compared, 'kind' | 'panes' | 'sensor' | 'attribute'>[]): Track[] {
  return all.flatMap(({ kind, panes, sensor, attribute }) => {
    const [x, y] = panes.map((p) => p.series[0]);
    if (!isPoint(kind) || !x || !y) return [];
    const several = all.filter((o) => o.kind === kind && o.sensor === sensor).length > 1;
    return [{ kind, sensor: several ? `${sensor} · ${attribute}` : sensor, x, y }];
  });
}

/** A pane for each choice, or for all of one unit and kind. Coordinates always share one: they are compared on a plane, and the panes say when. */
export function composedPanes(all: readonly Pick<Compared, 'key' | 'kind' | 'panes'>[], overlay: boolean): PaneOptions[] {
  const panes = new Map<string, AttributePane>();
  for (const s of all) {
    for (const pane of s.panes) {
      const key = overlay || isPoint(s.kind) ? pane.group : s.key; // names are no keys: two sensors may have the same
      const before = panes.get(key);
      panes.set(key, before ? { ...before, label: pane.name, weight: 2, series: [...before.series, ...pane.series] } : pane);
    }
  }
  return [...panes.values()];
}
