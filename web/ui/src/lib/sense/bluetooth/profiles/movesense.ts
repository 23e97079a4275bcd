import { DecodeError } from '../../bytes.ts';
import { decodeData, decodeMessage, type Measurement, type Message, type MovesenseData, PartJoiner, subscribeCommand, unsubscribeCommand } from '../../decoders/movesense.ts';
import type { SourceAttribute } from '../../source.ts';
import { BeatClock } from '../../timing/beatClock.ts';
import { SampleClock } from '../../timing/sampleClock.ts';
import { find, type Output, type Profile, type Session, subscribe } from '../profile.ts';

const uuid = (n: string) => `${n}-7185-4d5d-b431-630e7050e8f0`;

interface Stream {
  measurement: Measurement;
  resource: string;
  rate: number;
  attributes: readonly SourceAttribute[];
}

const streams: readonly Stream[] = [
  { measurement: 'ecg', resource: '/Meas/ECG/125', rate: 125, attributes: [{ id: 'ecg', name: 'ECG', type: 'ecg', unit: 'mV', rate: 125 }] },
  {
    measurement: 'imu9',
    resource: '/Meas/IMU9/52',
    rate: 52,
    attributes: [
      { id: 'accelerometer', name: 'Accelerometer', type: 'accelerometer', unit: 'm/s²', rate: 52 },
      { id: 'gyroscope', name: 'Gyroscope', type: 'gyroscope', unit: '°/s', rate: 52 },
      { id: 'magnetometer', name: 'Magnetometer', type: 'magnetometer', unit: 'µT', rate: 52 },
    ],
  },
  {
    measurement: 'heartRate',
    resource: '/Meas/HR',
    rate: 0,
    attributes: [
      { id: 'heartrate', name: 'Heart rate', type: 'heartrate', unit: 'bpm' },
      { id: 'rr_interval', name: 'RR interval', type: 'rr_interval', unit: 'ms' },
    ],
  },
];

export const movesense: Profile = { id: 'movesense', service: uuid('34802252'), listed: true, names: ['Movesense'], open: (out) => new MovesenseSession(out) };

class MovesenseSession implements Session {
  #command: BluetoothRemoteGATTCharacteristic | null = null;
  #subscriptions = new Map(streams.map((s, i) => [i + 1, new Subscription(s)]));

  constructor(private readonly out: Output) {}

  async connect(service: BluetoothRemoteGATTService): Promise<void> {
    const [command, data] = [await find(service, uuid('34800001')), await find(service, uuid('34800002'))];
    if (!command || !data) throw new DecodeError('Movesense', 'the service lacks a characteristic');
    this.#command = command;
    await subscribe(data, this.out, (view, arrival) => this.#message(decodeMessage(view), arrival));
    for (const [reference, subscription] of this.#subscriptions) {
      subscription.reconnect();
      await command.writeValueWithResponse(subscribeCommand(reference, subscription.stream.resource));
    }
  }

  async disconnect(): Promise<void> {
    for (const reference of this.#subscriptions.keys()) await this.#command?.writeValueWithResponse(unsubscribeCommand(reference));
  }

  #message(message: Message, arrival: number): void {
    const subscription = this.#subscriptions.get(message.reference);
    if (!subscription) throw new DecodeError('Movesense', `unknown reference ${message.reference}`);
    if (message.kind === 'response') {
      if (message.status >= 300) throw new DecodeError('Movesense', `${subscription.stream.resource}: status ${message.status}`);
      return subscription.stream.attributes.forEach((a) => this.out.attribute(a));
    }
    subscription.push(message, arrival, this.out);
  }
}

/** One resource of the sensor: joins its packets and places them on the wall clock. */
class Subscription {
  #parts = new PartJoiner();
  #clock: SampleClock | null;
  #beats = new BeatClock();

  constructor(readonly stream: Stream) {
    this.#clock = stream.rate > 0 ? new SampleClock({ rate: stream.rate, stamp: 'first', wrap: 2 ** 32 }) : null;
  }

  reconnect(): void {
    this.#parts = new PartJoiner();
  }

  push(message: Message, arrival: number, out: Output): void {
    for (const packet of this.#parts.push(message)) this.#report(decodeData(this.stream.measurement, packet), arrival, out);
  }

  #report(data: MovesenseData, arrival: number, out: Output): void {
    if (data.type === 'heartRate') {
      if (data.heartRate > 0) out.number('heartrate', arrival, data.heartRate);
      out.numbers('rr_interval', Float64Array.from(this.#beats.place(data.rrIntervals, arrival)), Float64Array.from(data.rrIntervals));
    }
    if (data.type !== 'ecg' && data.type !== 'imu') return;
    const times = this.#clock?.place(data.samples.length, data.time, arrival);
    if (!times) return; // the packet was there before
    const name = this.stream.attributes[0]!.id;
    out.attribute({ id: `${name}_device_time`, type: 'device_time', unit: 'ms' });
    out.number(`${name}_device_time`, times[0] as number, data.time);
    if (data.type === 'ecg') return out.numbers('ecg', times, Float64Array.from(data.samples));
    data.samples.forEach(({ acceleration, rotation, field }, i) => {
      const time = times[i] as number;
      out.document('accelerometer', time, acceleration);
      out.document('gyroscope', time, rotation);
      if (field) out.document('magnetometer', time, field);
    });
  }
}
