import type { Client, Sensor } from '@sensocto/client';
import { attributeSeries, type AttributePane, type AttributeSeries } from '../../lib/chart/attributeseries.ts';
import type { Chart } from '../../lib/chart/chart.ts';
import { isPoint } from '../../lib/chart/kinds.ts';
import type { PaneOptions } from '../../lib/chart/pane.ts';
import { SensorFeed } from '../../lib/chart/sensorfeed.ts';
import { Settler } from '../../lib/chart/settler.ts';
import { TileCache } from '../../lib/chart/tilecache.ts';
import type { Series } from '../../lib/chart/series.ts';
import type { Choice } from './chosen.ts';

const keyOf = (c: Choice): string => `${c.sensorId}/${c.attributeId}`;

/** The way of one sensor over a plane. */
export interface Track {
  readonly kind: 'position' | 'gaze';
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
  readonly #series = new Map<string, AttributeSeries>();
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

  /** Shows the choices as far as their sensors are known. */
  show(choices: readonly Choice[], sensors: ReadonlyMap<string, Sensor>, overlay: boolean): void {
    const known = choices.filter((c) => sensors.get(c.sensorId)?.attributes.some((a) => a.id === c.attributeId));
    const composed = `${overlay} ${known.map(keyOf).join(' ')}`;
    if (composed === this.#composed) return;
    this.#composed = composed;
    this.#drop(known);
    const all = known.flatMap((c, i) => {
      const sensor = sensors.get(c.sensorId) as Sensor;
      const series = this.#of(c, sensor, i);
      return series ? [{ series, sensor: sensor.sensor_name || sensor.sensor_id }] : [];
    });
    this.#panes = composedPanes(all.map((s) => s.series), overlay);
    this.#tracks = all.flatMap(({ series, sensor }) => trackOf(series, sensor) ?? []);
  }

  close(): void {
    this.#settler.close();
    this.#drop([]);
  }

  #of(c: Choice, sensor: Sensor, i: number): AttributeSeries | null {
    const known = this.#series.get(keyOf(c));
    if (known) return known;
    const a = sensor.attributes.find((x) => x.id === c.attributeId);
    if (!a) return null;
    const label = `${sensor.sensor_name || sensor.sensor_id} · ${a.attribute_name || a.id}`;
    const context = { client: this.client, cache: this.#cache, sensorId: c.sensorId, feed: this.#feed(c.sensorId), arrived: () => this.#chart?.arrived() };
    const made = attributeSeries(context, a, i + 1, label);
    if (made) this.#series.set(keyOf(c), made);
    return made;
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

function trackOf({ kind, panes }: AttributeSeries, sensor: string): Track | null {
  const [x, y] = panes.map((p) => p.series[0]);
  return isPoint(kind) && x && y ? { kind, sensor, x, y } : null;
}

/** A pane for each choice, or for all of one unit and kind. Coordinates always share one: they are compared on a plane, and the panes say when. */
export function composedPanes(all: readonly Pick<AttributeSeries, 'kind' | 'panes'>[], overlay: boolean): PaneOptions[] {
  const panes = new Map<string, AttributePane>();
  for (const s of all) {
    for (const pane of s.panes) {
      const key = overlay || isPoint(s.kind) ? pane.group : pane.label;
      const before = panes.get(key);
      panes.set(key, before ? { ...before, label: pane.name, weight: 2, series: [...before.series, ...pane.series] } : pane);
    }
  }
  return [...panes.values()];
}
