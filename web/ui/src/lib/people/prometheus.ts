/** A value of GET /metrics, with its labels. */
export interface Value {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const prefix = 'sensocto_';
const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** The metrics of one moment, by name without sensocto_. */
export class Metrics {
  #byName = new Map<string, Value[]>();

  /** Reads Prometheus' text format. What it does not understand is left out. */
  constructor(text: string) {
    for (const row of text.split('\n')) {
      if (row.startsWith('#')) continue;
      const found = line.exec(row);
      if (!found) continue;
      const [, name = '', labels = '', value = ''] = found;
      this.#add(name.startsWith(prefix) ? name.slice(prefix.length) : name, { labels: labelsOf(labels), value: numberOf(value) });
    }
  }

  all(name: string): readonly Value[] {
    return this.#byName.get(name) ?? [];
  }

  /** The value of a metric with these labels; undefined where there is none. */
  one(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return this.all(name).find((v) => Object.entries(labels).every(([k, want]) => v.labels[k] === want))?.value;
  }

  /** All values of a metric together; undefined where there is none. */
  sum(name: string): number | undefined {
    const values = this.all(name);
    return values.length === 0 ? undefined : values.reduce((total, v) => total + v.value, 0);
  }

  #add(name: string, value: Value): void {
    const list = this.#byName.get(name);
    if (list) list.push(value);
    else this.#byName.set(name, [value]);
  }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(label)) {
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

/** How much a counter grew in a second; undefined after a restart, which begins it anew. */
export function rate(before: Metrics, after: Metrics, seconds: number, name: string): number | undefined {
  const a = before.sum(name);
  const b = after.sum(name);
  return a === undefined || b === undefined || b < a || seconds <= 0 ? undefined : (b - a) / seconds;
}

/**
 * A quantile of what a histogram saw between two moments, by linear interpolation
 * within its bucket, as Prometheus does it; undefined where it saw nothing.
 */
export function quantile(before: Metrics, after: Metrics, name: string, q: number): number | undefined {
  const earlier = new Map(before.all(`${name}_bucket`).map((v) => [v.labels['le'], v.value]));
  const buckets = after
    .all(`${name}_bucket`)
    .map((v) => ({ le: numberOf(v.labels['le'] ?? ''), count: v.value - (earlier.get(v.labels['le']) ?? 0) }))
    .sort((a, b) => a.le - b.le);
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  const rank = q * total;
  const at = buckets.findIndex((b) => b.count >= rank);
  const bucket = buckets[at]!;
  const lower = buckets[at - 1] ?? { le: 0, count: 0 };
  if (!Number.isFinite(bucket.le)) return lower.le;
  if (bucket.count === lower.count) return bucket.le;
  return lower.le + ((bucket.le - lower.le) * (rank - lower.count)) / (bucket.count - lower.count);
}
