import type { LinkState } from "./negotiation.js";
import type { Quality } from "./quality.js";

/** What a peer tells the server of its call when it leaves: numbers, and neither names nor addresses. */
export class Report {
  #began = performance.now();
  #joinMS = 0;
  #seconds = { good: 0, fair: 0, poor: 0, interrupted: 0 };
  #links = { direct: 0, relayed: 0, failed: 0 };
  #interruptions = 0;

  /** The join was answered, and named so many others. */
  joined(others: number): void {
    this.#began = others > 0 ? performance.now() : Number.NaN; // waiting for somebody is no slow join
  }

  /** A link has changed its state. */
  changed(before: LinkState, now: LinkState): void {
    if (now === "interrupted" && before === "connected") this.#interruptions++;
    if (now === "connected" && this.#joinMS === 0) this.#joinMS = Math.round(performance.now() - this.#began) || 0;
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

  toJSON(): object {
    return { join_ms: this.#joinMS, seconds: this.#seconds, links: this.#links, interruptions: this.#interruptions };
  }
}
