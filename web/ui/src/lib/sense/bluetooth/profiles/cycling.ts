import { decodeCyclingPower } from '../../decoders/cyclingPower.ts';
import { decodeCyclingSpeed, type Revolutions } from '../../decoders/cyclingSpeed.ts';
import { RevolutionRate } from '../../decoders/revolutions.ts';
import { type Output, type Profile, Subscriptions, uuid } from '../profile.ts';

/** Circumference of a 28-inch wheel with a 25 mm tyre in m. Sensors count turns and do not know their wheel. */
const circumference = 2.105;

export const cyclingSpeed: Profile = {
  id: 'cycling_speed_and_cadence',
  service: uuid(0x1816),
  listed: true,
  open(out) {
    const turns = new Turns(out, 1024);
    const handler = (view: DataView, arrival: number) => {
      const m = decodeCyclingSpeed(view);
      turns.report(m.wheel, m.crank, arrival);
    };
    return new Subscriptions(out, [{ uuid: uuid(0x2a5b), attributes: [], handler }]);
  },
};

export const cyclingPower: Profile = {
  id: 'cycling_power',
  service: uuid(0x1818),
  listed: true,
  open(out) {
    const turns = new Turns(out, 2048);
    const handler = (view: DataView, arrival: number) => {
      const m = decodeCyclingPower(view);
      out.number('power', arrival, m.power);
      optional(out, 'pedal_balance', '%', arrival, m.balance);
      optional(out, 'energy', 'kJ', arrival, m.energy);
      turns.report(m.wheel, m.crank, arrival);
    };
    return new Subscriptions(out, [{ uuid: uuid(0x2a63), attributes: [{ id: 'power', name: 'Power', type: 'power', unit: 'W' }], handler }]);
  },
};

function optional(out: Output, id: string, unit: string, time: number, value: number | null): void {
  if (value === null) return;
  out.attribute({ id, type: id, unit });
  out.number(id, time, value);
}

/** Speed and cadence from counted turns; the counts themselves are kept, so that another wheel can be reckoned with. */
class Turns {
  #crank = new RevolutionRate(16, 1024);
  #wheel: RevolutionRate;

  constructor(
    private readonly out: Output,
    wheelTicks: 1024 | 2048,
  ) {
    this.#wheel = new RevolutionRate(32, wheelTicks);
  }

  report(wheel: Revolutions | null, crank: Revolutions | null, arrival: number): void {
    if (wheel) {
      optional(this.out, 'wheel_revolutions', '', arrival, wheel.count);
      const rate = this.#wheel.next(wheel, arrival);
      optional(this.out, 'speed', 'm/s', arrival, rate && rate * circumference);
    }
    if (crank) {
      optional(this.out, 'crank_revolutions', '', arrival, crank.count);
      const rate = this.#crank.next(crank, arrival);
      optional(this.out, 'cadence', '1/min', arrival, rate && rate * 60);
    }
  }
}
