import type { Sensor } from '@sensocto/client';
import { kindOf, type AttributeLike, type Kind } from '../../lib/chart/kinds.ts';
import { comparedAs } from '../../lib/people/compare.ts';

/** An attribute of a sensor that is compared. */
export interface Choice {
  readonly sensorId: string;
  readonly attributeId: string;
}

/** What a link to a comparison holds. */
export interface Comparison {
  readonly choices: readonly Choice[];
  /** Traces of one unit share an axis. */
  readonly overlay: boolean;
  /** Unix ms; null: live. */
  readonly range: readonly [number, number] | null;
}

/** Traces at most: more cannot be told apart. */
export const MOST_CHOICES = 24;

const same = (a: Choice, b: Choice): boolean => a.sensorId === b.sensorId && a.attributeId === b.attributeId;

/** Reads a comparison from the query of its link: a=sensor/attribute for each trace. Neither id can hold a slash. */
export function comparisonOf(query: URLSearchParams): Comparison {
  const choices: Choice[] = [];
  for (const text of query.getAll('a')) {
    const [sensorId, attributeId, rest] = text.split('/');
    if (!sensorId || !attributeId || rest !== undefined) continue;
    const choice = { sensorId, attributeId };
    if (!choices.some((c) => same(c, choice))) choices.push(choice);
  }
  const [from, to] = [Number(query.get('from') ?? NaN), Number(query.get('to') ?? NaN)];
  return { choices: choices.slice(0, MOST_CHOICES), overlay: query.get('overlay') === '1', range: from < to ? [from, to] : null };
}

/** The query of the link. */
export function queryOf(c: Comparison): string {
  const q = new URLSearchParams();
  for (const { sensorId, attributeId } of c.choices) q.append('a', `${sensorId}/${attributeId}`);
  if (c.overlay) q.set('overlay', '1');
  if (c.range) {
    q.set('from', String(Math.round(c.range[0])));
    q.set('to', String(Math.round(c.range[1])));
  }
  return q.toString();
}

const COMPARED: readonly Kind[] = ['ecg', 'wave', 'number', 'axes', 'position', 'gaze', 'battery'];

/** Attributes that can be compared. */
export const comparable = (s: Sensor): readonly AttributeLike[] => s.attributes.filter((a) => COMPARED.includes(kindOf(a)));

/** A quantity that several sensors measure. */
export interface Group {
  /** Unique: groups of different units may have one name. */
  readonly key: string;
  readonly name: string;
  readonly choices: readonly Choice[];
}

/** Quantities that more than one sensor measures, those of most sensors first: all heart rates, all ECGs. */
export function groupsOf(sensors: readonly Sensor[]): Group[] {
  const groups = new Map<string, { key: string; name: string; choices: Choice[] }>();
  for (const s of sensors) {
    for (const a of comparable(s)) {
      const key = comparedAs(a) ?? `${a.attribute_type || a.id} ${a.unit}`;
      const group = groups.get(key) ?? { key, name: a.attribute_name || a.id, choices: [] };
      group.choices.push({ sensorId: s.sensor_id, attributeId: a.id });
      groups.set(key, group);
    }
  }
  return [...groups.values()].filter((g) => new Set(g.choices.map((c) => c.sensorId)).size > 1).sort((a, b) => b.choices.length - a.choices.length);
}

/** Groups that have all words of a search in their names. */
export function foundGroups(groups: readonly Group[], search: string): Group[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.filter((g) => words.every((w) => `${g.name} ${g.key}`.toLowerCase().includes(w)));
}

/** With the choices that are new, as far as there is room. */
export function withChoices(list: readonly Choice[], more: readonly Choice[]): Choice[] {
  return [...list, ...more.filter((m) => !list.some((c) => same(c, m)))].slice(0, MOST_CHOICES);
}

export const without = (list: readonly Choice[], gone: Choice): Choice[] => list.filter((c) => !same(c, gone));
export const includes = (list: readonly Choice[], c: Choice): boolean => list.some((x) => same(x, c));
