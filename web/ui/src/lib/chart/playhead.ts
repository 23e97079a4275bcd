/** Arrivals closer than this are shown as they come; wider ones are spread. */
const SMOOTH_FROM_MS = 120;
/** Further behind than this, the head jumps. */
const FAR_MS = 4000;

/**
 * The time up to which a live trace is drawn. Measurements come in bursts, one
 * every 50 ms where the server sends at once, one every second where it gathers.
 * The head goes on evenly between wide bursts, at most one burst behind, and
 * never beyond the newest sample. Bursts that are close together are shown at once.
 */
export class Playhead {
  #newest = -Infinity;
  #arrivedAt = NaN;
  #interval = 0;
  #head = -Infinity;
  #at = NaN;

  /** Says that samples up to the time came; now is of the clock of animation frames. */
  arrived(newest: number, now: number): void {
    if (!(newest > this.#newest)) return;
    const since = now - this.#arrivedAt;
    if (since > 2) this.#interval += (Math.min(since, 1500) - this.#interval) * (this.#interval === 0 ? 1 : 0.2);
    this.#arrivedAt = now;
    this.#newest = newest;
  }

  /** The head at now. `moving` says that it has not reached the newest sample. */
  advance(now: number): { head: number; moving: boolean } {
    const elapsed = Math.max(0, now - (Number.isNaN(this.#at) ? now : this.#at));
    this.#at = now;
    const behind = this.#newest - this.#head;
    if (this.#interval <= SMOOTH_FROM_MS || !(behind < FAR_MS)) this.#head = this.#newest;
    else {
      const wanted = 1.2 * this.#interval; // a little more than a burst, so that the head does not stop for a late one
      const speed = behind > wanted ? 1 + (behind - wanted) / wanted : 1;
      this.#head = Math.min(this.#newest, this.#head + elapsed * speed);
    }
    return { head: this.#head, moving: this.#head < this.#newest };
  }
}
