import { explain } from '../../lib/app/errors.ts';
import Activity from '@lucide/svelte/icons/activity';
import Bluetooth from '@lucide/svelte/icons/bluetooth';
import Compass from '@lucide/svelte/icons/compass';
import Flag from '@lucide/svelte/icons/flag';
import HeartPulse from '@lucide/svelte/icons/heart-pulse';
import MapPin from '@lucide/svelte/icons/map-pin';
import Mic from '@lucide/svelte/icons/mic';
import type { Component } from 'svelte';
import { type SourceAttribute, SourceError, type SourceKind } from '../../lib/sense/source.ts';
import { measured, number } from '../../lib/text/format.ts';
import { m } from '../../lib/text/index.svelte.ts';

export const icons: Readonly<Record<SourceKind, Component>> = {
  bluetooth: Bluetooth,
  motion: Activity,
  orientation: Compass,
  location: MapPin,
  microphone: Mic,
  marker: Flag,
  demo: HeartPulse,
};

/** What to tell a person of why a source does not measure. */
export function reasonOf(error: unknown): string {
  if (error instanceof SourceError) return m.sense.why(error.why);
  return explain(error);
}

/** A value in a few characters: a number, or the numbers of a document by name. */
export function valueText(value: unknown, { type, unit }: SourceAttribute): string {
  if (value === undefined) return '–';
  if (typeof value === 'number') return withUnit(measured(value), unit);
  if (typeof value !== 'object' || value === null) return String(value).slice(0, 80);
  const digits = type === 'geolocation' ? 5 : 2; // a metre
  const fields = Object.entries(value).map(([name, v]) => (typeof v === 'number' ? `${name} ${fixed(v, digits)}` : String(v)));
  return withUnit(fields.slice(0, 4).join('  '), unit);
}

const withUnit = (text: string, unit: string) => (unit ? `${text} ${unit}` : text);

/** The same number of decimals always, so that numbers do not jump about. */
const fixed = (v: number, digits: number) => number(v, { minimumFractionDigits: digits, maximumFractionDigits: digits });
