import { decodeBatteryLevel } from '../../decoders/battery.ts';
import { type Profile, Subscriptions, uuid } from '../profile.ts';

export const battery: Profile = {
  id: 'battery',
  service: uuid(0x180f),
  listed: false,
  open(out) {
    let last: number | null = null;
    const handler = (view: DataView, arrival: number) => {
      const level = decodeBatteryLevel(view);
      out.battery(level);
      if (level !== last) out.number('battery', arrival, level / 100); // a part of 1, as everywhere on the server
      last = level;
    };
    const attributes = [{ id: 'battery', name: 'Battery', type: 'battery', unit: '' }];
    return new Subscriptions(out, [{ uuid: uuid(0x2a19), attributes, handler }]);
  },
};
