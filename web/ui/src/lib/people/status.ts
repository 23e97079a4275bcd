import { ApiError } from '@sensocto/client';
import { answer, api, read } from '../app/api.ts';
import { Metrics, quantile, rate } from './prometheus.ts';
import type { Attention } from './types.ts';

/** What is known of the server at one moment. */
export interface Snapshot {
  /** Unix time in ms. */
  readonly time: number;
  readonly attention: Attention;
  /** Undefined for whom the server does not show them. */
  readonly metrics: Metrics | undefined;
  readonly before: Snapshot | undefined;
}

/** Who looks at what, and the load: what everybody may see of the sensors that they see. */
export async function readAttention(signal: AbortSignal): Promise<Attention> {
  const page = (after?: string) => answer(api.GET('/api/v1/attention', { params: { query: { limit: 500, after } }, signal }));
  const first = await page();
  let sensors = first.sensors;
  for (let next = first.next; next !== ''; ) {
    const following = await page(next);
    sensors = [...sensors, ...following.sensors];
    next = following.next;
  }
  return { ...first, sensors, next: '' };
}

/** The server's metrics, for administrators. */
export async function readMetrics(signal?: AbortSignal): Promise<Metrics> {
  return new Metrics(await (await read('/metrics', signal)).text());
}

/** Whether the server does not show something to whoever this is. */
export const isRefusal = (error: unknown): boolean => error instanceof ApiError && [401, 403, 404].includes(error.status);

export type Unit = 'perSecond' | 'count' | 'bytes' | 'seconds' | 'ratio';
export type SeriesName =
  | 'measurements' | 'delivered' | 'merged' | 'connections' | 'channels' | 'watched' | 'mailboxes' | 'alerts' | 'outbound' | 'journalPending' | 'unflushed'
  | 'hot' | 'warm' | 'resident' | 'write50' | 'write99' | 'sync99' | 'journal' | 'database' | 'lag' | 'cpu' | 'memory' | 'queues' | 'factor' | 'high' | 'medium' | 'low' | 'syncWait' | 'syncLag99';

export interface Series {
  readonly name: SeriesName;
  readonly value: (s: Snapshot) => number | undefined;
}

/** A chart of the status page. */
export interface Panel {
  readonly name: 'throughput' | 'connections' | 'queues' | 'buffers' | 'memory' | 'latency' | 'disk' | 'load' | 'attention' | 'sync';
  readonly unit: Unit;
  readonly series: readonly Series[];
  /** It needs the metrics. */
  readonly administrators: boolean;
}

const metric = (name: string, labels?: Record<string, string>) => (s: Snapshot) => s.metrics?.one(name, labels);
const sum = (name: string) => (s: Snapshot) => s.metrics?.sum(name);
const perSecond = (name: string) => (s: Snapshot) =>
  s.metrics && s.before?.metrics ? rate(s.before.metrics, s.metrics, (s.time - s.before.time) / 1000, name) : undefined;
const percentile = (name: string, q: number) => (s: Snapshot) => (s.metrics && s.before?.metrics ? quantile(s.before.metrics, s.metrics, name, q) : undefined);
const resource = (name: string) => (s: Snapshot) => s.attention.load.resources.find((r) => r.name === name)?.ratio;
const looked = (level: string) => (s: Snapshot) => s.attention.sensors.filter((x) => x.attention_level === level).length;
const visibleRate = (s: Snapshot) => s.attention.sensors.reduce((total, x) => total + x.rates.measurements_per_second, 0);

export const panels: readonly Panel[] = [
  {
    name: 'throughput', unit: 'perSecond', administrators: false,
    series: [
      { name: 'measurements', value: (s) => perSecond('measurements_total')(s) ?? (s.metrics ? undefined : visibleRate(s)) },
      { name: 'delivered', value: perSecond('measurements_delivered_total') },
      { name: 'merged', value: perSecond('measurements_merged_total') },
    ],
  },
  {
    name: 'load', unit: 'ratio', administrators: false,
    series: [{ name: 'cpu', value: resource('cpu') }, { name: 'memory', value: resource('memory') }, { name: 'queues', value: resource('queues') }],
  },
  {
    name: 'attention', unit: 'count', administrators: false,
    series: [{ name: 'high', value: looked('high') }, { name: 'medium', value: looked('medium') }, { name: 'low', value: looked('low') }],
  },
  {
    name: 'connections', unit: 'count', administrators: true,
    series: [
      { name: 'connections', value: metric('socket_connections') }, { name: 'channels', value: metric('socket_channels') }, { name: 'watched', value: metric('socket_watched') },
    ],
  },
  { name: 'queues', unit: 'count', administrators: true, series: [{ name: 'mailboxes', value: metric('sensor_mailbox_measurements') }, { name: 'alerts', value: metric('alert_queued') }] },
  {
    name: 'buffers', unit: 'bytes', administrators: true,
    series: [
      { name: 'outbound', value: metric('socket_queue_bytes') }, { name: 'journalPending', value: metric('journal_pending_bytes') }, { name: 'unflushed', value: metric('store_unflushed_bytes') },
    ],
  },
  {
    name: 'memory', unit: 'bytes', administrators: true,
    series: [
      { name: 'hot', value: metric('store_bytes', { tier: 'hot' }) }, { name: 'warm', value: metric('store_bytes', { tier: 'warm' }) },
      { name: 'resident', value: metric('process_resident_memory_bytes') },
    ],
  },
  {
    name: 'latency', unit: 'seconds', administrators: true,
    series: [
      { name: 'write50', value: percentile('database_write_seconds', 0.5) }, { name: 'write99', value: percentile('database_write_seconds', 0.99) },
      { name: 'sync99', value: percentile('journal_sync_seconds', 0.99) },
    ],
  },
  {
    name: 'sync', unit: 'seconds', administrators: true, // only of servers that share rooms with others: the metrics are there
    series: [{ name: 'syncWait', value: metric('p2p_longest_lag_seconds') }, { name: 'syncLag99', value: percentile('p2p_sync_lag_seconds', 0.99) }],
  },
  { name: 'disk', unit: 'bytes', administrators: true, series: [{ name: 'journal', value: metric('journal_bytes') }, { name: 'database', value: sum('database_bytes') }] },
];

/** Sensors that the chart of throughput per sensor shows: more lines are not told apart. */
export const mostSensors = 8;

/** Moments by whose average the busiest are chosen, about a minute: lines and colours do not change with each moment. */
const averaged = 30;

/** The rates of sensors over time: those that sent most in the last minute, each with its line. */
export class SensorRates {
  #columns = new Map<string, (number | null)[]>();
  #count = 0;

  constructor(private readonly kept: number) {}

  /** Adds the rates of a moment; a sensor that is not among them has none. */
  add(sensors: Attention['sensors']): void {
    const now = new Map(sensors.map((s) => [s.sensor_id, s.rates.measurements_per_second]));
    for (const id of now.keys()) if (!this.#columns.has(id)) this.#columns.set(id, Array.from({ length: this.#count }, () => null));
    for (const [id, column] of this.#columns) {
      const longer = [...column, now.get(id) ?? null].slice(-this.kept);
      if (longer.every((v) => v === null)) this.#columns.delete(id);
      else this.#columns.set(id, longer);
    }
    this.#count = Math.min(this.kept, this.#count + 1);
  }

  /** The busiest sensors, by their average of the last minute. */
  get busiest(): readonly { readonly id: string; readonly values: readonly (number | null)[] }[] {
    return [...this.#columns]
      .map(([id, values]) => ({ id, values, average: averageOf(values.slice(-averaged)) }))
      .sort((a, b) => b.average - a.average || (a.id < b.id ? -1 : 1))
      .slice(0, mostSensors)
      .sort((a, b) => (a.id < b.id ? -1 : 1)) // a line keeps its colour while the same ones are busiest
      .map(({ id, values }) => ({ id, values }));
  }
}

/** Of the rates of a sensor; in moments in which it was not there it sent nothing. */
const averageOf = (values: readonly (number | null)[]): number => values.reduce<number>((sum, v) => sum + (v ?? 0), 0) / values.length;
