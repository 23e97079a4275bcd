/** Silence has no level: what is quieter than this counts as it. */
export const quietest = -120;

/** Root mean square of sound over windows of a fixed length. */
export class LevelMeter {
  #sum = 0;
  #count = 0;

  /** @param window in samples */
  constructor(private readonly window: number) {}

  /** Adds samples from -1 to 1; the levels of the windows that end in them, in dB relative to full scale. */
  push(samples: Float32Array): number[] {
    const levels: number[] = [];
    for (const sample of samples) {
      this.#sum += sample * sample;
      if (++this.#count < this.window) continue;
      levels.push(decibels(Math.sqrt(this.#sum / this.#count)));
      this.#sum = this.#count = 0;
    }
    return levels;
  }
}

/** dBFS: 0 is a square wave at full scale; a sine at full scale is -3.01. */
export function decibels(rms: number): number {
  return rms > 0 ? Math.max(quietest, 20 * Math.log10(rms)) : quietest;
}
