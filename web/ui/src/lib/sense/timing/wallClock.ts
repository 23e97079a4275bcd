/** Steps of the system's clock up to this are left to the next sample clock that begins. */
const tolerance = 1000;

/**
 * The time in ms since 1970, fine enough to measure with and without the small corrections that a system clock gets
 * while it runs. Where the two clocks differ by more than a second (the computer slept, somebody set the time), it
 * follows the system's.
 */
export class WallClock {
  #offset: number;

  constructor(
    private readonly system: () => number = () => Date.now(),
    private readonly steady: () => number = () => performance.now(),
  ) {
    this.#offset = this.system() - this.steady();
  }

  now(): number {
    return this.of(this.steady());
  }

  /** The time of a moment that the steady clock gave, such as the timeStamp of an event. */
  of(moment: number): number {
    const drift = this.system() - this.steady() - this.#offset;
    if (Math.abs(drift) > tolerance) this.#offset += drift;
    return moment + this.#offset;
  }
}

/** The clock of this page. */
export const wallClock = new WallClock();
