import { decodeHeartRate, type HeartRate } from '../../decoders/heartRate.ts';
import { BeatClock } from '../../timing/beatClock.ts';
import { type Output, type Profile, Subscriptions, uuid } from '../profile.ts';

export const heartRate: Profile = {
  id: 'heart_rate',
  service: uuid(0x180d),
  listed: true,
  open(out) {
    const beats = new BeatClock();
    const handler = (view: DataView, arrival: number) => report(out, beats, decodeHeartRate(view), arrival);
    const attributes = [{ id: 'heartrate', name: 'Heart rate', type: 'heartrate', unit: 'bpm' }];
    return new Subscriptions(out, [{ uuid: uuid(0x2a37), attributes, handler }]);
  },
};

/** A rate of 0 is how straps say that they have none. */
function report(out: Output, beats: BeatClock, m: HeartRate, arrival: number): void {
  if (m.heartRate > 0) out.number('heartrate', arrival, m.heartRate);
  if (m.contact !== null) out.contact(m.contact);
  if (m.energy !== null) {
    out.attribute({ id: 'energy', name: 'Energy expended', type: 'energy', unit: 'kJ' });
    out.number('energy', arrival, m.energy);
  }
  if (m.rrIntervals.length === 0) return;
  out.attribute({ id: 'rr_interval', name: 'RR interval', type: 'rr_interval', unit: 'ms' });
  out.numbers('rr_interval', Float64Array.from(beats.place(m.rrIntervals, arrival)), Float64Array.from(m.rrIntervals));
}
