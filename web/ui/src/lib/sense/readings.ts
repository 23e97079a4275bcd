import type { Source, SourceAttribute } from './source.ts';

/** The newest value of an attribute. */
export interface Reading {
  readonly attribute: SourceAttribute;
  readonly value: unknown;
  /** ms since 1970; null before the first value. */
  readonly time: number | null;
}

/** What came of a source last, and how much of it. It counts every sample and is asked a few times a second. */
export class Readings {
  #last = new Map<string, { value: unknown; time: number }>();
  #count = 0;
  #counts: { at: number; count: number }[] = [];
  #heard = 0;

  constructor(private readonly source: Source) {
    source.on('numbers', ({ attribute, times, values }) => this.#take(attribute, times.at(-1)!, values.at(-1), times.length));
    source.on('document', ({ attribute, time, value }) => this.#take(attribute, time, value, 1));
  }

  /** Samples that came. */
  get count(): number {
    return this.#count;
  }

  /** When something came last, in ms since 1970; 0 for never. */
  get heard(): number {
    return this.#heard;
  }

  list(): Reading[] {
    return this.source.attributes.map((attribute) => ({ attribute, value: undefined, time: null, ...this.#last.get(attribute.id) }));
  }

  /** Samples a second, over the last few seconds. To be asked regularly. */
  rate(now: number): number {
    this.#counts = [...this.#counts.filter((c) => now - c.at < 5000), { at: now, count: this.#count }];
    const first = this.#counts[0]!;
    return now > first.at ? ((this.#count - first.count) * 1000) / (now - first.at) : 0;
  }

  #take(attribute: string, time: number, value: unknown, count: number): void {
    this.#last.set(attribute, { value, time });
    this.#count += count;
    this.#heard = Date.now();
  }
}
