/** One wave of a beat: where it peaks in the beat (0 is the R peak), how high in mV, how wide, in seconds at 60 beats a minute. */
const waves = [
  { at: -0.19, height: 0.12, width: 0.025 },
  { at: -0.035, height: -0.11, width: 0.01 },
  { at: 0, height: 1.05, width: 0.011 },
  { at: 0.035, height: -0.24, width: 0.011 },
  { at: 0.28, height: 0.28, width: 0.05 },
];

/** Length of a breath in s. */
const breath = 4.2;
const meanInterval = 0.86;

/**
 * A heart for demonstrations: beats that come faster while it breathes in, and the ECG that goes with them. The same
 * seed gives the same heart. It is no model of any illness.
 */
export class Heart {
  #beats: { at: number; interval: number }[] = [];
  #random: number;

  constructor(seed = 1) {
    this.#random = seed;
    const first = { at: 0, interval: meanInterval };
    this.#beats.push(first);
  }

  /** mV at so many seconds after the start. Times must not fall. */
  ecg(t: number): number {
    this.#beatUntil(t + 1);
    while ((this.#beats[2] as { at: number }).at < t - 1) this.#beats.shift();
    let mV = 0.02 * Math.sin((2 * Math.PI * t) / breath) + 0.008 * this.#noise();
    for (const { at, interval } of this.#beats) {
      const stretch = Math.sqrt(interval); // P and T move less than the beats
      for (const w of waves) mV += w.height * Math.exp(-(((t - at - w.at * stretch) / w.width) ** 2) / 2);
    }
    return mV;
  }

  /** Beats after `from` up to `to`, in seconds: their times and the intervals that they end in ms. */
  beats(from: number, to: number): { at: number; interval: number }[] {
    this.#beatUntil(to + 1);
    return this.#beats.filter((b) => b.at > from && b.at <= to).map((b) => ({ at: b.at, interval: b.interval * 1000 }));
  }

  #beatUntil(t: number): void {
    for (let last = this.#beats.at(-1)!; last.at < t + 2 || this.#beats.length < 4; last = this.#beats.at(-1)!) {
      const interval = meanInterval + 0.05 * Math.sin((2 * Math.PI * last.at) / breath) + 0.02 * this.#noise();
      this.#beats.push({ at: last.at + interval, interval });
    }
  }

  /** About normal: the sum of three even numbers from -1 to 1. */
  #noise(): number {
    return this.#even() + this.#even() + this.#even();
  }

  #even(): number {
    this.#random = (this.#random * 16807 + 1) % 2147483647;
    return (this.#random / 2147483647) * 2 - 1;
  }
}
