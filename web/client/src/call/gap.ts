const lookEvery = 200; // ms
const rarely = 1000; // ms, once nothing has come for
const longAfter = 10_000; // ms
const silence = 800; // ms
const [firstPause, longestPause] = [500, 16_000]; // ms between two gaps, doubled each time
const calmAfter = 20_000; // ms

export interface GapOptions {
  /** Something is sent all the time, so that silence is a gap: sound or a camera, while a still screen sends next to nothing. */
  steady: () => boolean;
  /** How long ago the newest media were played, in ms; undefined where none were lately. It is asked often. */
  silentFor: () => number | undefined;
  /** How many packets of media have come. */
  packets: () => Promise<number>;
  /** Nothing came for a while, and something comes again. */
  over: () => void;
}

/**
 * Notices that media of a peer come again after a gap. Browsers ask for a whole picture
 * only when none could be shown for 3 s: sound is back at once, pictures are not.
 */
export class Gap {
  #options: GapOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0; // when it was noticed
  #before: number | undefined; // packets at that time
  #lastOver = -Infinity;
  #pause = firstPause;

  constructor(options: GapOptions) {
    this.#options = options;
    this.#later(lookEvery);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    if (!this.#options.steady()) this.#before = undefined;
    const noticed = this.#before !== undefined;
    if (noticed || this.#silent) await this.#count().catch(() => undefined); // the connection was closed
    if (this.#timer === undefined) return;
    this.#later(noticed && performance.now() - this.#since > longAfter ? rarely : lookEvery);
  }

  // A peer that sends less than it says looks like one gap after the other: each counts later than the one before.
  get #silent(): boolean {
    return this.#options.steady() && performance.now() - this.#lastOver >= this.#pause && (this.#options.silentFor() ?? 0) > silence;
  }

  async #count(): Promise<void> {
    const packets = await this.#options.packets();
    if (this.#before === undefined) {
      this.#before = packets;
      this.#since = performance.now();
    } else if (packets > this.#before) {
      this.#before = undefined;
      this.#ended(performance.now());
    }
  }

  #ended(now: number): void {
    this.#pause = now - this.#lastOver > calmAfter ? firstPause : Math.min(2 * this.#pause, longestPause);
    this.#lastOver = now;
    this.#options.over();
  }
}
