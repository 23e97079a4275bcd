import type { Client, Sensor, SensorState } from '@sensocto/client';
import { attributeSeries, type AttributeSeries } from '../../lib/chart/attributeseries.ts';
import type { Chart } from '../../lib/chart/chart.ts';
import { kindOf, type AttributeLike, type Kind } from '../../lib/chart/kinds.ts';
import type { PaneOptions } from '../../lib/chart/pane.ts';
import { SensorFeed } from '../../lib/chart/sensorfeed.ts';
import type { Series } from '../../lib/chart/series.ts';
import { Settler } from '../../lib/chart/settler.ts';
import { TileCache } from '../../lib/chart/tilecache.ts';

export type SensorPhase = 'loading' | 'live' | 'interrupted' | 'ended';

const DRAWN: readonly Kind[] = ['ecg', 'wave', 'axes', 'gaze', 'number', 'battery'];
/** Panes at first: more are too low to read. */
const FIRST_PANES = 4;
function byKind(attributes: readonly AttributeLike[]): AttributeLike[] {
  const rank = (a: AttributeLike): number => DRAWN.indexOf(kindOf(a));
  return attributes.filter((a) => rank(a) >= 0).sort((a, b) => rank(a) - rank(b));
}

/** One sensor that is open: what it is, what is drawn of it, and its feed. */
export class SensorModel {
  readonly feed: SensorFeed;
  #sensor = $state.raw<Sensor>();
  #phase = $state<SensorPhase>('loading');
  #lagged = $state(0);
  #drawable = $derived(byKind(this.#sensor?.attributes ?? []));
  #wanted = $state.raw<readonly string[] | null>(null);
  #panes = $state.raw<readonly PaneOptions[]>([]);
  readonly #client: Client;
  readonly #id: string;
  readonly #states: SensorState;
  readonly #cache = new TileCache();
  readonly #series = new Map<string, AttributeSeries>();
  #chart: Chart | undefined;
  readonly #settler = new Settler(() => this.#all(), () => (this.#lagged = 0));

  constructor(client: Client, id: string, wanted: readonly string[] | null) {
    this.#client = client;
    this.#id = id;
    this.#wanted = wanted;
    this.feed = new SensorFeed(client, id, {
      sensor: (s) => this.#describe(s),
      state: (s) => (this.#phase = s),
      lagged: (n) => ((this.#lagged += n), this.#settler.lagged()),
    });
    this.#states = client.sensorState(id);
    this.#states.on('changed', (s) => this.#describe(s));
  }

  /** Undefined until the server described it. */
  get sensor(): Sensor | undefined {
    return this.#sensor;
  }
  get phase(): SensorPhase {
    return this.#phase;
  }
  /** Measurements that came merged because this viewer does not keep up; 0 when it does again. */
  get lagged(): number {
    return this.#lagged;
  }
  get panes(): readonly PaneOptions[] {
    return this.#panes;
  }
  get attributes(): readonly AttributeLike[] {
    return this.#sensor?.attributes ?? [];
  }
  /** Attributes that can be drawn over time, waveforms first. */
  get drawable(): readonly AttributeLike[] {
    return this.#drawable;
  }
  /** Ids of the attributes that are drawn. */
  get shown(): readonly string[] {
    return this.#wanted ?? this.#first();
  }

  /** Time of the newest measurement that the server told of; now where it told of none. */
  get edge(): number {
    const times = this.attributes.map((a) => a.last_value?.timestamp ?? -Infinity);
    const newest = Math.max(...times);
    return Number.isFinite(newest) ? newest : Date.now();
  }

  /** Draws exactly these attributes. */
  show(ids: readonly string[]): void {
    this.#wanted = ids;
    this.#compose();
  }

  /** Feeds a chart; returns what ends that. */
  attach = (chart: Chart): (() => void) => {
    this.#chart = chart;
    chart.arrived();
    return () => (this.#chart = undefined);
  };

  close(): void {
    this.#settler.close();
    this.feed.close();
    void this.#states.close();
    for (const s of this.#series.values()) s.close();
  }

  #all(): Series[] {
    return [...this.#series.values()].flatMap((s) => s.panes.flatMap((p) => p.series));
  }

  #first(): string[] {
    return this.#drawable.slice(0, FIRST_PANES).map((a) => a.id);
  }

  #describe(sensor: Sensor): void {
    const known = this.#sensor?.attributes.map((a) => a.id).join();
    this.#sensor = sensor;
    if (known !== sensor.attributes.map((a) => a.id).join() || this.#panes.length === 0) this.#compose();
  }

  #compose(): void {
    const ids = this.drawable.map((a) => a.id).filter((id) => this.shown.includes(id));
    for (const [id, s] of this.#series) {
      if (ids.includes(id)) continue;
      s.close();
      this.#series.delete(id);
    }
    const panes = ids.flatMap((id) => this.#of(id)?.panes ?? []);
    if (panes.length !== this.#panes.length || panes.some((p, i) => p !== this.#panes[i])) this.#panes = panes;
  }

  #of(id: string): AttributeSeries | null {
    const known = this.#series.get(id);
    if (known) return known;
    const i = this.drawable.findIndex((a) => a.id === id);
    const context = { client: this.#client, cache: this.#cache, sensorId: this.#id, feed: this.feed, arrived: () => this.#chart?.arrived() };
    const made = attributeSeries(context, this.drawable[i] as AttributeLike, i + 1);
    if (made) this.#series.set(id, made);
    return made;
  }
}
