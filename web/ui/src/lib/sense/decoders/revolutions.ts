import type { Revolutions } from './cyclingSpeed.ts';

/**
 * Turns a second out of counted turns: what two measurements differ by, with the wrap-around of count and clock.
 * CSC Service 1.0, sections 3.1.1.1 and 3.1.1.2; Cycling Power Service 1.1, section 3.2.1.
 */
export class RevolutionRate {
  #last: (Revolutions & { arrival: number }) | null = null;
  #turned = -Infinity;

  /**
   * @param countBits 32 for wheels, 16 for cranks
   * @param ticks of the sensor's clock in a second: 1024, or 2048 for the wheel of a power meter
   * @param stillAfter ms without a turn after which the rate is 0
   */
  constructor(
    private readonly countBits: 16 | 32,
    private readonly ticks: number,
    private readonly stillAfter = 3000,
  ) {}

  /**
   * Turns a second, negative where a wheel rolled back; null where nothing is known: the first measurement, one that
   * came after the clock may have wrapped around unseen, and one without a turn that may still be on its way.
   */
  next(now: Revolutions, arrival: number): number | null {
    const last = this.#last;
    this.#last = { ...now, arrival };
    if (!last || arrival - last.arrival > (0x10000 / this.ticks) * 900) {
      this.#turned = arrival;
      return null;
    }
    const ticks = (now.time - last.time) & 0xffff;
    if (ticks === 0) return arrival - this.#turned >= this.stillAfter ? 0 : null;
    this.#turned = arrival;
    return (this.#difference(now.count, last.count) * this.ticks) / ticks;
  }

  #difference(now: number, last: number): number {
    return this.countBits === 32 ? (now - last) | 0 : ((now - last) << 16) >> 16;
  }
}
