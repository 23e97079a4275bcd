import { time as clock } from '../../lib/text/format.ts';

const names = ['label', 'name', 'text', 'event', 'type', 'state', 'value'];

/** A payload in a few words, with the time at which it was measured. */
export function eventText(payload: unknown, time: number): string {
  if (payload === undefined) return '–';
  return `${briefly(payload)} · ${clock(time)}`;
}

function briefly(payload: unknown): string {
  if (typeof payload !== 'object' || payload === null) return String(payload);
  for (const name of names) {
    const value = (payload as Record<string, unknown>)[name];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
  }
  return JSON.stringify(payload).slice(0, 120);
}
