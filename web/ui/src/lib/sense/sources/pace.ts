/** Lets through so many moments a second, evenly, of those that come faster. */
export class Pace {
  #next: number | undefined;
  #period: number;

  constructor(rate: number) {
    this.#period = 1000 / rate;
  }

  /** Whether the moment (ms) is one to take. Moments that come a little early keep the rate from falling below it. */
  allows(moment: number): boolean {
    const next = this.#next ?? moment;
    if (moment < next - this.#period / 4) return false;
    this.#next = Math.max(next, moment - this.#period) + this.#period;
    return true;
  }
}
