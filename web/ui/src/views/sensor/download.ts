import { read, token } from '../../lib/app/api.ts';

export const FORMATS = ['csv', 'edf', 'parquet', 'wfdb'] as const;
export type Format = (typeof FORMATS)[number];

export interface Wanted {
  readonly sensorId: string;
  readonly format: Format;
  /** Unix ms; null: all there is. */
  readonly range: readonly [number, number] | null;
  /** Ids; empty: all. */
  readonly attributes: readonly string[];
  /** Hz, 0: as it is. */
  readonly resample: number;
}

export function exportURL(w: Wanted): string {
  const q = new URLSearchParams({ format: w.format });
  if (w.range) {
    q.set('from', w.range[0].toFixed(3));
    q.set('to', w.range[1].toFixed(3));
  }
  if (w.attributes.length > 0) q.set('attributes', w.attributes.join(','));
  if (w.resample > 0) q.set('resample', String(w.resample));
  return `/api/v1/sensors/${encodeURIComponent(w.sensorId)}/export?${q.toString()}`;
}

/** Downloads the file and returns what it does not hold of what was asked for. It throws as `answer` does. */
export async function download(w: Wanted, signal: AbortSignal): Promise<string[]> {
  const url = exportURL(w);
  const notes = (await read(url, signal, { method: 'HEAD' })).headers.get('Sensocto-Note')?.split(', ') ?? [];
  // A link streams to the disk; it cannot carry a token, so with one the file goes through memory.
  save(token.get() ? URL.createObjectURL(await (await read(url, signal)).blob()) : url, `${w.sensorId}.${w.format === 'wfdb' ? 'zip' : w.format}`);
  return notes;
}

function save(href: string, name: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  link.click();
  if (href.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
