import type { Client, Run } from '@sensocto/client';

/** Points of a way at most: more are not told apart on a screen. */
const MOST = 1000;
const SETTLED_MS = 300;

/** How points are read from the history: by two numbers in the documents. */
export interface Points<P> {
  readonly fields: readonly [string, string];
  readonly of: (first: readonly Run[], second: readonly Run[]) => P[];
}

/** The way of a sensor in a stretch of time, thinned by the server. */
export class Way<P extends { readonly time: number }> {
  #points = $state.raw<readonly P[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;

  constructor(
    private readonly client: Pick<Client, 'history'>,
    private readonly sensorId: string,
    private readonly attributeId: string,
    private readonly kind: Points<P>,
    /** Called with the time up to which the way was read. */
    private readonly arrived: (until: number) => void = () => {},
  ) {}

  get points(): readonly P[] {
    return this.#points;
  }

  /** Reads the way between two times, once they stay as they are. What was read before stays until then. */
  show(from: number, to: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(from, to), SETTLED_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  async #read(from: number, to: number): Promise<void> {
    this.#asking?.abort();
    const { signal } = (this.#asking = new AbortController());
    const read = (field: string) => this.client.history(this.sensorId, this.attributeId, { field, from, to, maxBuckets: MOST, signal });
    try {
      const [first, second] = await Promise.all(this.kind.fields.map(read));
      this.#points = first && second ? this.kind.of(first.runs, second.runs) : [];
      this.arrived(this.#points.at(-1)?.time ?? -Infinity);
    } catch {
      // the way that is there stays; the chart says where history cannot be read
    }
  }
}
