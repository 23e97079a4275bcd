/** Beats that are placed further before their packet than this, in ms, were lost in between. */
const tolerance = 1500;

/**
 * Places intervals between beats on the wall clock: each ends at its beat. Packets bring them in their order, up to a
 * second late, without a time. So each beat follows the one before by its interval; a packet only corrects that where
 * its beats would lie after it, or so long before it that some must be missing.
 *
 * Times rise strictly, unless our clock was set back.
 */
export class BeatClock {
  #last: number | null = null;

  /**
   * Times in ms since 1970 of the beats that end these intervals.
   *
   * @param intervals in ms, oldest first
   * @param arrival of the packet in ms since 1970
   */
  place(intervals: readonly number[], arrival: number): number[] {
    const total = intervals.reduce((sum, interval) => sum + Math.max(interval, 1), 0);
    const last = this.#last;
    const next = last === null ? -Infinity : last + total;
    const isLost = last === null || arrival - next > tolerance || arrival <= last;
    const start = isLost ? arrival - total : last;
    const scale = isLost || next <= arrival ? 1 : (arrival - start) / total;
    let sum = 0;
    const times = intervals.map((interval) => start + (sum += Math.max(interval, 1)) * scale);
    this.#last = times.at(-1) ?? last;
    return times;
  }
}
