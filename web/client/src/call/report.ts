import type { LinkState } from "./negotiation.js";
import type { Quality } from "./quality.js";

const slack = 5; // s: half of what the server allows its clock to differ

/**
 * What a peer tells the server of its call when it leaves: numbers, and neither names
 * nor addresses. It goes on over rejoins: a connection that broke could tell nothing.
 */
export class Report {
  #joined = performance.now();
  #waiting = true; // for the first link
  #people = 2; // at least so many may be in a call
  #joinMS = 0;
  #seconds = { good: 0, fair: 0, poor: 0, interrupted: 0 };
  #links = { direct: 0, relayed: 0, failed: 0 };
  #interruptions = 0;

  /** A join was answered, the first one or one after a break, and named so many others. */
  joined(others: number): void {
    this.#joined = performance.now();
    this.#people = Math.max(2, others + 1);
    if (others === 0) this.#waiting = false; // waiting for somebody is no slow join
  }

  /** A link has changed its state. */
  changed(before: LinkState, now: LinkState): void {
    if (now === "interrupted" && before === "connected") this.#interruptions++;
    if (now !== "connected" || !this.#waiting) return;
    this.#waiting = false;
    this.#joinMS = Math.round(performance.now() - this.#joined);
  }

  /** A link was so for some seconds. */
  lasted(seconds: number, state: LinkState, quality: Quality | undefined): void {
    if (state === "interrupted") this.#seconds.interrupted += seconds;
    else if (quality) this.#seconds[quality.rating] += seconds;
  }

  /** A link has ended. */
  ended(state: LinkState, everConnected: boolean, relayed: boolean): void {
    if (everConnected) this.#links[relayed ? "relayed" : "direct"]++;
    else if (state === "interrupted") this.#links.failed++;
  }

  /**
   * The server believes no more seconds than a peer can have had since its last join:
   * those of a long call that broke a moment ago are scaled down to that, in proportion.
   */
  toJSON(): object {
    const here = (performance.now() - this.#joined) / 1000 + slack;
    const { good, fair, poor, interrupted } = this.#seconds;
    const scale = Math.min(1, (here * this.#people) / Math.max(1, good + fair + poor + interrupted));
    const seconds = { good: good * scale, fair: fair * scale, poor: poor * scale, interrupted: interrupted * scale };
    return { join_ms: Math.min(this.#joinMS, Math.round(here * 1000)), seconds, links: this.#links, interruptions: this.#interruptions };
  }
}
