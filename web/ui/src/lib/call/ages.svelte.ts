import type { CallPeer } from '@sensocto/client';
import type { SensorFeed } from '../../views/lobby/feed.ts';

const lookEvery = 1000; // ms
const pictureKnown = 2000; // ms: shown pictures are measured twice a second
export const longest = 3000; // ms: of a picture that is older, its connection tells; live measurements would be none any more

/** The ages of what comes of one peer, in ms. */
export interface PeerAges {
  picture: number | undefined;
  trace: number;
}

/**
 * By how long all traces are delayed, in ms, so that none shows a later moment than its
 * picture: the page has one live edge, so the peer counts whose picture is the most behind its trace.
 * Traces that are older than their pictures cannot be made younger.
 */
export const delayFor = (peers: readonly PeerAges[]): number => Math.round(Math.min(longest, Math.max(0, ...peers.map(({ picture, trace }) => (picture ?? 0) - trace))));

/**
 * How old the traces of people in a call are, beside how old their pictures are, by the
 * server's clock; and the delay with which both show the same moment.
 */
export class Ages {
  #feedsOf: (userId: string) => readonly Pick<SensorFeed, 'age'>[];
  #live: () => { delay: number };
  #traces = $state.raw<ReadonlyMap<string, number>>(new Map());
  #pictures = new Map<string, { ms: number; at: number }>(); // as the video elements measured them, and when
  #pictureAges = $state.raw<ReadonlyMap<string, number>>(new Map());
  #together = $state(false);

  /** feedsOf has the sensors of a person; live is what keeps measurements back. */
  constructor(feedsOf: (userId: string) => readonly Pick<SensorFeed, 'age'>[], live: () => { delay: number }) {
    this.#feedsOf = feedsOf;
    this.#live = live;
  }

  /** The age of the newest measurement of somebody when it came, in ms; undefined where none is known. */
  of(userId: string): number | undefined {
    return this.#traces.get(userId);
  }

  /** A video element measured the age of a peer's picture. */
  picture(peerId: string, ms: number): void {
    this.#pictures.set(peerId, { ms, at: performance.now() });
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
    if (!on) this.#live().delay = 0;
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
    const here = new Set(peers.map((peer) => peer.peerId));
    for (const [id, { at }] of this.#pictures) if (!here.has(id) || performance.now() - at > pictureKnown) this.#pictures.delete(id);
    this.#pictureAges = new Map([...this.#pictures].map(([id, { ms }]) => [id, ms]));
    const traces = new Map<string, number>();
    const ages: PeerAges[] = [];
    for (const peer of peers) {
      const trace = this.#youngest(this.#feedsOf(peer.userId));
      if (trace === undefined) continue;
      traces.set(peer.userId, trace);
      ages.push({ picture: this.pictureOf(peer), trace });
    }
    this.#traces = traces;
    if (this.#together) this.#live().delay = delayFor(ages);
  }

  #youngest(feeds: readonly Pick<SensorFeed, 'age'>[]): number | undefined {
    const ages = feeds.map((feed) => feed.age).filter((age) => age !== undefined);
    return ages.length > 0 ? Math.max(0, Math.min(...ages)) : undefined;
  }
}
