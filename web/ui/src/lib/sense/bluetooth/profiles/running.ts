import { decodeRunningSpeed } from '../../decoders/runningSpeed.ts';
import { type Profile, Subscriptions, uuid } from '../profile.ts';

export const running: Profile = {
  id: 'running_speed_and_cadence',
  service: uuid(0x1814),
  listed: true,
  open(out) {
    const handler = (view: DataView, arrival: number) => {
      const m = decodeRunningSpeed(view);
      out.number('speed', arrival, m.speed);
      out.number('cadence', arrival, m.cadence);
      if (m.strideLength !== null) {
        out.attribute({ id: 'stride_length', name: 'Stride length', type: 'length', unit: 'm' });
        out.number('stride_length', arrival, m.strideLength);
      }
      if (m.distance !== null) {
        out.attribute({ id: 'distance', name: 'Distance', type: 'distance', unit: 'm' });
        out.number('distance', arrival, m.distance);
      }
    };
    const attributes = [
      { id: 'speed', name: 'Speed', type: 'speed', unit: 'm/s' },
      { id: 'cadence', name: 'Cadence', type: 'cadence', unit: '1/min' },
    ];
    return new Subscriptions(out, [{ uuid: uuid(0x2a53), attributes, handler }]);
  },
};
