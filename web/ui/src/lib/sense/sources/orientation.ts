import { Source, SourceError, type SourceStatus } from '../source.ts';
import { wallClock } from '../timing/wallClock.ts';
import { rounded } from './motion.ts';
import { Pace } from './pace.ts';
import { allowMotion, asksForMotion } from './permission.ts';

const silence = 3000;
const rate = 20;
/** Where the browser can relate alpha to north it has an event for that; otherwise alpha is as it was at the start. */
const events = ['deviceorientationabsolute', 'deviceorientation'] as const;

/** iOS has the compass in a field of its own: degrees clockwise from north. */
type WithCompass = DeviceOrientationEvent & { webkitCompassHeading?: number };

/** How a phone or tablet is turned: alpha, beta and gamma in degrees (W3C Device Orientation, section 4.2). */
export class OrientationSource extends Source {
  readonly kind = 'orientation';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pace = new Pace(rate);
  #isAbsolute = false;

  async start(): Promise<void> {
    if (this.status.state === 'live' || this.status.state === 'starting') return;
    this.become({ state: 'starting' });
    try {
      await allowMotion(globalThis.DeviceOrientationEvent);
    } catch (error) {
      return this.become({ state: 'failed', error: error as Error });
    }
    for (const event of events) addEventListener(event, this.#turned);
    this.#timer = setTimeout(() => this.#end({ state: 'failed', error: new SourceError('silent') }), silence);
  }

  override async recall(): Promise<void> {
    if (asksForMotion(globalThis.DeviceOrientationEvent)) this.become({ state: 'tap' });
    else await this.start();
  }

  async stop(): Promise<void> {
    this.#end({ state: 'stopped' });
  }

  #end(status: SourceStatus): void {
    clearTimeout(this.#timer);
    for (const event of events) removeEventListener(event, this.#turned);
    this.become(status);
  }

  #turned = (event: DeviceOrientationEvent): void => {
    if (event.beta === null || event.gamma === null) return;
    this.#isAbsolute ||= event.type === events[0];
    if (this.#isAbsolute && event.type !== events[0]) return;
    if (this.status.state !== 'live') {
      clearTimeout(this.#timer);
      this.attribute({ id: 'orientation', name: 'Orientation', type: 'orientation', unit: '°', rate });
      this.become({ state: 'live' });
    }
    if (!this.#pace.allows(event.timeStamp)) return;
    const compass = (event as WithCompass).webkitCompassHeading;
    const alpha = compass === undefined ? event.alpha : (360 - compass) % 360;
    this.document('orientation', wallClock.of(event.timeStamp), rounded({ alpha, beta: event.beta, gamma: event.gamma }));
  };
}
