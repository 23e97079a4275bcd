import { ApiError, token } from '../../lib/app/api.ts';

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

/** What the file will not hold of what was asked for. It throws ApiError where there will be no file. */
async function check(url: string, headers: Record<string, string>): Promise<string[]> {
  const head = await fetch(url, { method: 'HEAD', headers });
  if (head.ok) return head.headers.get('Sensocto-Note')?.split(', ') ?? [];
  const answer = await fetch(url, { headers }); // the answer to HEAD has no reason
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string };
  throw new ApiError(problem.detail ?? answer.statusText, answer.status);
}

/** Downloads the file and returns what it does not hold. */
export async function download(w: Wanted): Promise<string[]> {
  const url = exportURL(w);
  const bearer = token.get();
  const headers: Record<string, string> = bearer ? { Authorization: `Bearer ${bearer}` } : {};
  const notes = await check(url, headers);
  // A link streams to the disk; it cannot carry a token, so with one the file goes through memory.
  save(bearer ? URL.createObjectURL(await (await fetch(url, { headers })).blob()) : url, `${w.sensorId}.${w.format === 'wfdb' ? 'zip' : w.format}`);
  return notes;
}

function save(href: string, name: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  link.click();
  if (href.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
