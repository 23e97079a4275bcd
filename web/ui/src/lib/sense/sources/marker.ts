import { Source } from '../source.ts';
import { wallClock } from '../timing/wallClock.ts';

/** A button: each press is an event with its time, and a few words if there are any. */
export class MarkerSource extends Source {
  readonly kind = 'marker';

  async start(): Promise<void> {
    this.attribute({ id: 'annotations', name: 'Markers', type: 'annotation', unit: '' });
    this.become({ state: 'live' });
  }

  async stop(): Promise<void> {
    this.become({ state: 'stopped' });
  }

  /** @param moment of the press, as the timeStamp of its event gives it */
  mark(text: string, moment: number): void {
    if (this.status.state === 'live') this.document('annotations', wallClock.of(moment), { type: 'marker', ...(text && { text }) });
  }
}
