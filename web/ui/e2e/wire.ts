// What a page is sent of measurements, counted on its socket, and what docs/attention.md allows.

import { readFileSync } from 'node:fs';
import { decodeColumns, type AttentionLevel } from '../../client/src/index.ts';
import type { Page } from './world.ts';

/** What came of one sensor in a second. */
export interface Traffic {
  frames: number;
  /** Single measurements, and buckets of merged ones. */
  single: number;
  merged: number;
  bytes: number;
}

type Entry = { payload?: unknown };

/** What a frame carried of one sensor. */
interface Part {
  readonly sensorId: string;
  readonly single: number;
  readonly merged: number;
  readonly bytes: number;
}

/** Counts what the page is sent of measurements. */
export class Wire {
  #parts: Part[] = [];

  constructor(private readonly page: Page) {
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => this.#parts.push(...(typeof payload === 'string' ? partsOf(payload) : partsOfColumns(payload)))));
  }

  /** Watches for about so many seconds; what comes of a sensor, a second. */
  async during(seconds: number): Promise<(sensorId: string) => Traffic> {
    this.#parts = [];
    const began = performance.now();
    await this.page.waitForTimeout(1000 * seconds);
    seconds = (performance.now() - began) / 1000; // a busy machine takes longer
    const parts = this.#parts;
    return (sensorId) => {
      const mine = parts.filter((p) => p.sensorId === sensorId);
      const sum = (key: 'single' | 'merged' | 'bytes') => mine.reduce((n, p) => n + p[key], 0) / seconds;
      return { frames: mine.length / seconds, single: sum('single'), merged: sum('merged'), bytes: sum('bytes') };
    };
  }
}

type Payload = Entry & { measurements?: Entry[]; batch?: Record<string, Record<string, Entry[]>> };

/** What a text frame has of measurements: on the topic of one sensor, or of many on that of a viewer. */
function partsOf(text: string): Part[] {
  const [, , topic, event, payload] = JSON.parse(text) as [unknown, unknown, string, string, Payload];
  if (event === 'sensor_batch') return Object.entries(payload.batch ?? {}).map(([sensorId, attributes]) => partOf(sensorId, Object.values(attributes).flat()));
  return event.startsWith('measurement') ? [partOf(topic.replace('data:', ''), payload.measurements ?? [payload])] : [];
}

function partOf(sensorId: string, entries: Entry[]): Part {
  const single = entries.filter((e) => e.payload !== undefined).length;
  return { sensorId, single, merged: entries.length - single, bytes: JSON.stringify(entries).length };
}

/** What a binary frame has: a broadcast of columns on the topic of a sensor (docs/protocol.md, sections 1 and 6). */
function partsOfColumns(frame: Buffer): Part[] {
  const [kind, topicSize = 0, eventSize = 0] = frame;
  if (kind !== 2) throw new Error(`a binary frame of kind ${kind}`);
  const topic = frame.toString('utf8', 3, 3 + topicSize);
  const body = frame.subarray(3 + topicSize + eventSize);
  const single = decodeColumns(body).columns.reduce((n, c) => n + c.values.length, 0);
  return [{ sensorId: topic.replace('data:', ''), single, merged: 0, bytes: body.length }];
}

/** What a tab may be sent of one ECG in a second. */
export interface Allowed {
  readonly frames: number;
  /** Measurements or buckets. */
  readonly values: number;
  readonly bytes: number;
}

/** Reads the table "What a tab costs" of docs/attention.md. */
export function allowed(): Record<AttentionLevel, Allowed> {
  const [, below = ''] = readFileSync(new URL('../../../docs/attention.md', import.meta.url), 'utf8').split('## What a tab costs\n');
  const rows = below.split('\n## ')[0]!.matchAll(/^\|[^|]*\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$/gm);
  const count = (text: string | undefined) => Number(text!.replace(',', ''));
  const table = Object.fromEntries([...rows].map(([, level, frames, values, bytes]) => [level, { frames: count(frames), values: count(values), bytes: count(bytes) }]));
  if (Object.keys(table).join() !== 'high,medium,low,none') throw new Error(`docs/attention.md has rows for ${Object.keys(table).join()}`);
  return table as Record<AttentionLevel, Allowed>;
}
