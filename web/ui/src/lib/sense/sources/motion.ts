import { Source, SourceError, type SourceStatus } from '../source.ts';
import { wallClock } from '../timing/wallClock.ts';
import { allowMotion, asksForMotion } from './permission.ts';
import { Pace } from './pace.ts';

/** Computers have the events and no sensor: nothing, or one event without numbers, comes. */
const silence = 3000;
/** Browsers send up to 100 events a second. */
const rate = 50;

/** Acceleration with gravity, and rotation, of a phone or tablet. */
export class MotionSource extends Source {
  readonly kind = 'motion';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pace = new Pace(rate);

  async start(): Promise<void> {
    if (this.status.state === 'live' || this.status.state === 'starting') return;
    this.become({ state: 'starting' });
    try {
      await allowMotion(globalThis.DeviceMotionEvent);
    } catch (error) {
      return this.become({ state: 'failed', error: error as Error });
    }
    addEventListener('devicemotion', this.#moved);
    this.#timer = setTimeout(() => this.#end({ state: 'failed', error: new SourceError('silent') }), silence);
  }

  override async recall(): Promise<void> {
    if (asksForMotion(globalThis.DeviceMotionEvent)) this.become({ state: 'tap' });
    else await this.start();
  }

  async stop(): Promise<void> {
    this.#end({ state: 'stopped' });
  }

  #end(status: SourceStatus): void {
    clearTimeout(this.#timer);
    removeEventListener('devicemotion', this.#moved);
    this.become(status);
  }

  #moved = (event: DeviceMotionEvent): void => {
    const a = event.accelerationIncludingGravity;
    if (typeof a?.x !== 'number') return;
    if (this.status.state !== 'live') this.#begin(event);
    if (!this.#pace.allows(event.timeStamp)) return;
    const time = wallClock.of(event.timeStamp);
    this.document('accelerometer', time, rounded({ x: a.x, y: a.y, z: a.z }));
    const r = event.rotationRate; // alpha turns about z, beta about x, gamma about y
    if (typeof r?.alpha === 'number') this.document('gyroscope', time, rounded({ x: r.beta, y: r.gamma, z: r.alpha }));
  };

  #begin(event: DeviceMotionEvent): void {
    clearTimeout(this.#timer);
    this.attribute({ id: 'accelerometer', name: 'Accelerometer', type: 'accelerometer', unit: 'm/s²', rate });
    if (typeof event.rotationRate?.alpha === 'number') this.attribute({ id: 'gyroscope', name: 'Gyroscope', type: 'gyroscope', unit: '°/s', rate });
    this.become({ state: 'live' });
  }
}

/** Phones measure hundredths; the digits after the fifth are those of a conversion. */
export function rounded<T extends Record<string, number | null>>(vector: T): T {
  return Object.fromEntries(Object.entries(vector).map(([axis, v]) => [axis, v === null ? v : Math.round(v * 1e5) / 1e5])) as T;
}
