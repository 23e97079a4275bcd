import { decodePmdFrame, type MeasurementType, type PmdFrame, type PulseInterval } from '../../decoders/polarPmd.ts';
import { BeatClock } from '../../timing/beatClock.ts';
import { SampleClock } from '../../timing/sampleClock.ts';
import type { SourceAttribute } from '../../source.ts';
import type { Output } from '../profile.ts';

const attributes: Record<MeasurementType, readonly SourceAttribute[]> = {
  ecg: [{ id: 'ecg', name: 'ECG', type: 'ecg', unit: 'mV' }],
  ppg: [
    { id: 'ppg', name: 'PPG', type: 'ppg', unit: '' },
    { id: 'ppg_2', name: 'PPG 2', type: 'ppg', unit: '' },
    { id: 'ppg_3', name: 'PPG 3', type: 'ppg', unit: '' },
    { id: 'ppg_ambient', name: 'Ambient light', type: 'ppg_ambient', unit: '' },
  ],
  acc: [{ id: 'accelerometer', name: 'Accelerometer', type: 'accelerometer', unit: 'g' }],
  gyro: [{ id: 'gyroscope', name: 'Gyroscope', type: 'gyroscope', unit: '°/s' }],
  mag: [{ id: 'magnetometer', name: 'Magnetometer', type: 'magnetometer', unit: 'G' }],
  ppi: [
    { id: 'pp_interval', name: 'Pulse interval', type: 'rr_interval', unit: 'ms' },
    { id: 'pp_error', name: 'Error of the pulse interval', type: 'pp_error', unit: 'ms' },
  ],
};

/** One measurement of a Polar sensor: places its frames on the wall clock and keeps what the sensor's clock said. */
export class PolarStream {
  #clock: SampleClock | null = null;
  #beats = new BeatClock();
  #rate = 0;
  #factor = 1;

  constructor(
    private readonly type: MeasurementType,
    private readonly out: Output,
  ) {}

  /** The measurement was started. After a reconnection at the same rate the clock goes on. */
  begin(rate: number, factor: number): void {
    if (rate > 0 && rate !== this.#rate) this.#clock = new SampleClock({ rate, stamp: 'last' });
    this.#rate = rate;
    this.#factor = factor;
    for (const a of attributes[this.type]) this.out.attribute(rate > 0 ? { ...a, rate } : a);
    if (rate > 0) this.out.attribute(this.#timeAttribute());
  }

  push(view: DataView, arrival: number): void {
    const frame = decodePmdFrame(view, this.#factor);
    if (frame.type === 'ppi') return this.#intervals(frame.samples, arrival);
    const times = this.#clock?.place(frame.samples.length, frame.time, arrival);
    if (!times) return; // the frame was there before
    this.#report(frame, times);
    this.out.number(this.#timeAttribute().id, times[times.length - 1] as number, frame.time);
  }

  /** The sensor's own time of the last sample of each frame, for whoever aligns recordings later. */
  #timeAttribute(): SourceAttribute {
    const [first] = attributes[this.type] as [SourceAttribute];
    return { id: `${first.id}_device_time`, name: `${first.name}: time of the device`, type: 'device_time', unit: 'ms' };
  }

  #report(frame: Exclude<PmdFrame, { type: 'ppi' }>, times: Float64Array<ArrayBuffer>): void {
    const [first] = attributes[this.type] as [SourceAttribute];
    if (frame.type === 'ecg') return this.out.numbers('ecg', times, Float64Array.from(frame.samples, (µV) => µV / 1000));
    if (frame.type !== 'ppg') return frame.samples.forEach((vector, i) => this.out.document(first.id, times[i] as number, vector));
    attributes.ppg.forEach((a, channel) => this.out.numbers(a.id, times, Float64Array.from(frame.samples, (row) => row[channel] as number)));
  }

  /** Intervals that the sensor does not trust are kept out; their length still moves the clock on. */
  #intervals(samples: readonly PulseInterval[], arrival: number): void {
    const times = this.#beats.place(samples.map((s) => s.interval), arrival);
    const good = samples.map((s, i) => ({ ...s, time: times[i] as number })).filter((s) => !s.blocked && s.interval > 0);
    this.out.numbers('pp_interval', Float64Array.from(good, (s) => s.time), Float64Array.from(good, (s) => s.interval));
    this.out.numbers('pp_error', Float64Array.from(good, (s) => s.time), Float64Array.from(good, (s) => s.error));
    const contact = samples.at(-1)?.contact;
    if (contact !== undefined && contact !== null) this.out.contact(contact);
  }
}
