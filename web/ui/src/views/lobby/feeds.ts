import type { AttentionLevel, Sensor } from '@sensocto/client';
import type { Live, Watch } from '../../lib/app/live.ts';
import { SensorFeed } from './feed.ts';

// Tiles that are scrolled away are watched at low up to so many before and behind the screen.
const around = 500;

interface Entry {
  readonly feed: SensorFeed;
  readonly watch: Watch;
}

/** What the lobby watches: tiles on the screen closely, tiles near it at low, others not at all. */
export class Feeds {
  #live: Live;
  #entries = new Map<string, Entry>();

  constructor(live: Live) {
    this.#live = live;
  }

  /** The feed of a sensor that is on the screen. */
  of(sensor: Sensor): SensorFeed {
    return this.#entry(sensor, 'medium').feed;
  }

  /**
   * Says what is listed, in order, which of it is on the screen, and which of
   * that somebody looks at closely. docs/attention.md has the levels.
   */
  look(listed: readonly Sensor[], onScreen: readonly [number, number], closely: ReadonlySet<string>): void {
    const wanted = new Set<string>();
    const from = Math.max(0, onScreen[0] - around);
    for (const [i, sensor] of listed.slice(from, onScreen[1] + around).entries()) {
      const id = sensor.sensor_id;
      const seen = i + from >= onScreen[0] && i + from < onScreen[1];
      if (wanted.has(id) && !seen) continue; // in another group it is on the screen
      wanted.add(id);
      const level: AttentionLevel = !seen ? 'low' : closely.has(id) ? 'high' : 'medium';
      const entry = this.#entry(sensor, level);
      entry.watch.level = level;
      entry.feed.describe(sensor);
    }
    for (const [id, entry] of this.#entries) {
      if (wanted.has(id)) continue;
      entry.watch.close();
      this.#entries.delete(id);
    }
  }

  close(): void {
    for (const { watch } of this.#entries.values()) watch.close();
    this.#entries.clear();
  }

  #entry(sensor: Sensor, level: AttentionLevel): Entry {
    const known = this.#entries.get(sensor.sensor_id);
    if (known) return known;
    const feed = new SensorFeed(sensor);
    const entry = { feed, watch: this.#live.watch(sensor.sensor_id, level, feed) };
    this.#entries.set(sensor.sensor_id, entry);
    return entry;
  }
}
