import type { Client } from '@sensocto/client';
import { trackOf, type Position } from '../../lib/chart/track.ts';

/** Points of a way at most: more are not told apart on a screen. */
const MOST = 1000;
const SETTLED_MS = 300;

/** The way of a sensor in a stretch of time, thinned by the server. */
export class Way {
  #positions = $state.raw<readonly Position[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;

  constructor(
    private readonly client: Pick<Client, 'history'>,
    private readonly sensorId: string,
    private readonly attributeId: string,
  ) {}

  get positions(): readonly Position[] {
    return this.#positions;
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
      const [latitude, longitude] = await Promise.all([read('latitude'), read('longitude')]);
      this.#positions = trackOf(latitude.runs, longitude.runs);
    } catch {
      // the way that is there stays; the chart says where history cannot be read
    }
  }
}
