import type { CallPeer } from '@sensocto/client';
import type { SensorFeed } from '../../views/lobby/feed.ts';
import { connection } from '../app/connection.svelte.ts';

const lookEvery = 1000; // ms
const longest = 3000; // ms: traces are not delayed by more

/**
 * How old the traces of people in a call are, beside how old their pictures are, by the
 * server's clock; and the delay with which both show the same moment.
 */
export class Ages {
  #feedsOf: (userId: string) => readonly SensorFeed[];
  #traces = $state.raw<ReadonlyMap<string, number>>(new Map());
  #pictures = new Map<string, number>(); // as the video elements measured them
  #pictureAges = $state.raw<ReadonlyMap<string, number>>(new Map());
  #together = $state(false);

  constructor(feedsOf: (userId: string) => readonly SensorFeed[]) {
    this.#feedsOf = feedsOf;
  }

  /** The age of the newest measurement of somebody when it came, in ms; undefined where none is known. */
  of(userId: string): number | undefined {
    return this.#traces.get(userId);
  }

  /** A video element measured the age of a peer's picture. */
  picture(peerId: string, ms: number): void {
    this.#pictures.set(peerId, ms);
  }

  /** The age of the picture of a peer in ms: measured, or else as long as frames are on their way. */
  pictureOf({ peerId, media, quality }: CallPeer): number | undefined {
    return media.video ? (this.#pictureAges.get(peerId) ?? quality?.pictureAge) : undefined;
  }

  /** There is a trace of somebody, so that it may be shown together with the picture. */
  get knows(): boolean {
    return this.#traces.size > 0;
  }

  /** Traces wait for the pictures of the same moment. */
  get together(): boolean {
    return this.#together;
  }

  set together(on: boolean) {
    this.#together = on;
    if (!on) connection.live.delay = 0;
  }

  /** Looks at the ages as long as the call lasts. */
  follow(peers: () => readonly CallPeer[]): () => void {
    const timer = setInterval(() => this.#look(peers()), lookEvery);
    return () => {
      clearInterval(timer);
      this.#traces = new Map();
      this.#pictures.clear();
      this.together = false;
    };
  }

  #look(peers: readonly CallPeer[]): void {
    const traces = new Map<string, number>();
    let delay = 0;
    this.#pictureAges = new Map(this.#pictures);
    for (const peer of peers) {
      const { userId } = peer;
      const age = youngest(this.#feedsOf(userId));
      if (age === undefined) continue;
      traces.set(userId, age);
      delay = Math.max(delay, Math.min(longest, (this.pictureOf(peer) ?? 0) - age));
    }
    this.#traces = traces;
    if (this.#together) connection.live.delay = Math.round(delay);
  }
}

/** Measurements that are kept back were younger when they came. */
function youngest(feeds: readonly SensorFeed[]): number | undefined {
  const ages = feeds.map((feed) => feed.age).filter((age) => age !== undefined);
  return ages.length > 0 ? Math.max(0, Math.min(...ages) - connection.live.delay) : undefined;
}
