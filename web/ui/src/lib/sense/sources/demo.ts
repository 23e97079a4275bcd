import { Source } from '../source.ts';
import { wallClock } from '../timing/wallClock.ts';
import { Heart } from './heart.ts';

const rate = 250;
const tick = 100;
/** A page in the background gets few ticks. What it missed is made up for, up to this many ms. */
const longest = 120_000;

/** A heartbeat without a sensor, so that one can try everything: ECG, heart rate, RR intervals. */
export class DemoSource extends Source {
  readonly kind = 'demo';
  #timer: ReturnType<typeof setInterval> | undefined;
  #heart = new Heart();
  #begin = 0;
  #samples = 0;
  #second = 0;
  #interval = 860;

  async start(): Promise<void> {
    if (this.#timer !== undefined) return;
    this.attribute({ id: 'ecg', name: 'ECG', type: 'ecg', unit: 'mV', rate });
    this.attribute({ id: 'heartrate', name: 'Heart rate', type: 'heartrate', unit: 'bpm', rate: 1 });
    this.attribute({ id: 'rr_interval', name: 'RR interval', type: 'rr_interval', unit: 'ms' });
    this.#restart();
    this.#timer = setInterval(() => this.#advance(), tick);
    this.become({ state: 'live' });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.become({ state: 'stopped' });
  }

  #restart(): void {
    this.#heart = new Heart();
    this.#begin = wallClock.now();
    this.#samples = this.#second = 0;
  }

  #advance(): void {
    const elapsed = wallClock.now() - this.#begin;
    if (elapsed - (this.#samples * 1000) / rate > longest || elapsed < 0) return this.#restart();
    const from = this.#samples / rate;
    const count = Math.floor((elapsed * rate) / 1000) - this.#samples;
    if (count <= 0) return;
    const at = (i: number) => (this.#samples + i + 1) / rate;
    this.#tell(from, at(count - 1)); // before the ECG, with which the heart moves on
    const times = Float64Array.from({ length: count }, (_, i) => this.#begin + at(i) * 1000);
    const values = Float64Array.from({ length: count }, (_, i) => Math.round(this.#heart.ecg(at(i)) * 1000) / 1000);
    this.#samples += count;
    this.numbers('ecg', times, values);
  }

  #tell(from: number, to: number): void {
    const beats = this.#heart.beats(from, to);
    this.numbers('rr_interval', Float64Array.from(beats, (b) => this.#begin + b.at * 1000), Float64Array.from(beats, (b) => Math.round(b.interval)));
    while (this.#second + 1 <= to) {
      this.#second++;
      this.#interval = beats.findLast((b) => b.at <= this.#second)?.interval ?? this.#interval;
      this.number('heartrate', this.#begin + this.#second * 1000, Math.round(60_000 / this.#interval));
    }
    this.#interval = beats.at(-1)?.interval ?? this.#interval;
  }
}
