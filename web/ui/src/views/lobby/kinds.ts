import type { Attribute, Sensor } from '@sensocto/client';

/** What an attribute looks like on a tile. */
export type Kind = 'waveform' | 'number' | 'motion' | 'position' | 'gaze' | 'battery' | 'event';

const waveforms = ['ecg', 'ppg', 'eeg', 'emg', 'respiration', 'audio', 'eda'];
const numbers = ['heartrate', 'spo2', 'temperature', 'respiration_rate', 'hrv', 'rr_interval', 'steps', 'humidity', 'pressure', 'blood_pressure', 'power', 'cadence', 'speed'];
const motions = ['accelerometer', 'gyroscope', 'imu', 'quaternion', 'orientation', 'magnetometer', 'vector'];
const gazes = ['gaze', 'eye_gaze'];
const waveformHz = 10;

/** The kind of an attribute: by its type, else by how fast and what it sends. */
export function kindOf(a: Attribute): Kind {
  const type = a.attribute_type;
  if (type === 'battery') return 'battery';
  if (type === 'geolocation') return 'position';
  if (gazes.includes(type)) return 'gaze';
  if (motions.includes(type)) return 'motion';
  if (waveforms.includes(type)) return 'waveform';
  if (numbers.includes(type) || type === 'number') return a.sampling_rate >= waveformHz ? 'waveform' : 'number';
  if (typeof a.last_value?.payload === 'number') return a.sampling_rate >= waveformHz ? 'waveform' : 'number';
  return 'event';
}

const colours: Readonly<Record<string, number>> = { ecg: 3, heartrate: 3, ppg: 2, respiration: 1, spo2: 6, temperature: 5, eeg: 7, emg: 4, eda: 5, audio: 8 };

/** The trace colour of an attribute, 1 to 8: the same for the same type everywhere. */
export const colourOf = (a: Attribute): number => colours[a.attribute_type] ?? 1;

/** What a tile shows in the first place; overview is whatever says most of each sensor. */
export type Lens = 'overview' | 'ecg' | 'heartrate' | 'respiration' | 'ppg' | 'motion' | 'position' | 'gaze' | 'battery';
export const lenses: readonly Lens[] = ['overview', 'heartrate', 'ecg', 'respiration', 'ppg', 'motion', 'position', 'gaze', 'battery'];

/** What stands on a tile. */
export interface Content {
  readonly main: Attribute | undefined;
  /** Numbers beside it, the most telling first. */
  readonly numbers: readonly Attribute[];
  readonly battery: Attribute | undefined;
}

const mainOrder: readonly Kind[] = ['waveform', 'motion', 'position', 'gaze', 'number', 'event', 'battery'];
const typeOrder = [...waveforms, ...numbers, 'quaternion', 'orientation', 'imu', 'accelerometer', 'gyroscope', 'magnetometer'];

const rank = (order: readonly string[], value: string) => (order.indexOf(value) + order.length + 1) % (order.length + 1); // unknown ones last

/** Chooses what a tile shows of a sensor. */
export function contentOf(sensor: Sensor, lens: Lens): Content {
  const byRank = sensor.attributes.toSorted(
    (a, b) => rank(mainOrder, kindOf(a)) - rank(mainOrder, kindOf(b)) || rank(typeOrder, a.attribute_type) - rank(typeOrder, b.attribute_type),
  );
  const main = lens === 'overview' ? byRank[0] : byRank.find((a) => fits(a, lens));
  const numbersOf = byRank.filter((a) => kindOf(a) === 'number' && a !== main);
  return { main, numbers: numbersOf, battery: byRank.find((a) => kindOf(a) === 'battery' && a !== main) };
}

/** Whether an attribute is what a lens looks for. */
export function fits(a: Attribute, lens: Lens): boolean {
  if (lens === 'motion' || lens === 'position' || lens === 'gaze' || lens === 'battery') return kindOf(a) === lens;
  return a.attribute_type === lens;
}

/** Whether a sensor has anything of a lens. */
export const hasLens = (sensor: Sensor, lens: Lens): boolean => lens === 'overview' || sensor.attributes.some((a) => fits(a, lens));

/** The numbers of a payload that a tile draws; undefined where it has none of that kind. */
export function fieldsOf(kind: Kind, payload: unknown): readonly number[] | undefined {
  if (typeof payload === 'number') return [payload];
  if (typeof payload !== 'object' || payload === null) return undefined;
  const p = payload as Record<string, unknown>;
  const pick = (...keys: string[]) => keys.map((k) => p[k]).find((v): v is number => typeof v === 'number');
  if (kind === 'position') return all(pick('latitude', 'lat'), pick('longitude', 'lon', 'lng'));
  if (kind === 'gaze') return all(pick('x'), pick('y'));
  if (kind === 'motion') return all(pick('x', 'alpha'), pick('y', 'beta'), pick('z', 'gamma'));
  if (kind === 'battery') return all(pick('level', 'value'));
  return all(pick('value', 'bpm', 'level'));
}

function all(...values: (number | undefined)[]): readonly number[] | undefined {
  return values.every((v) => v !== undefined) ? (values as number[]) : undefined;
}
