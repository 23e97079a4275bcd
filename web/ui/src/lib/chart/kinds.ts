/** How an attribute is shown. */
export type Kind = 'ecg' | 'wave' | 'number' | 'axes' | 'position' | 'gaze' | 'battery' | 'events';

/** What is known of an attribute; shaped as the client's. */
export interface AttributeLike {
  readonly id: string;
  readonly attribute_name: string;
  readonly attribute_type: string;
  readonly unit: string;
  readonly sampling_rate: number;
  readonly last_value: { readonly payload: unknown; readonly timestamp: number } | null;
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Attributes that are sampled faster are waveforms. */
const WAVE_HZ = 5;
const AXES_TYPES = /accel|gyro|magnet|imu|gravity|orientation|motion|rotation/;
/** Where somebody looks: a point {x, y} of the scene or the screen. A direction in space, with z, is drawn as axes. */
const GAZE = /gaze/;
const AXES = ['x', 'y', 'z', 'w', 'alpha', 'beta', 'gamma'] as const;
/** Notes and markers that people set are events of this attribute. */
export const NOTE_ATTRIBUTE = 'annotations';

/** How the attribute is shown: by the type that the sensor says, and by what it measured last. */
export function kindOf(a: AttributeLike): Kind {
  const type = `${a.attribute_type} ${a.id}`.toLowerCase();
  const payload = a.last_value?.payload;
  if (a.id === NOTE_ATTRIBUTE) return 'events';
  if (isObject(payload)) {
    if (typeof payload['latitude'] === 'number' && typeof payload['longitude'] === 'number') return 'position';
    if (/battery/.test(type)) return 'battery';
    if (GAZE.test(type) && hasPoint(payload)) return 'gaze';
    if (axesOf(payload).length > 1) return 'axes';
    return 'events';
  }
  if (payload !== undefined && typeof payload !== 'number') return 'events';
  if (/battery/.test(type)) return 'battery';
  if (/geolocation|position\b/.test(type) && payload === undefined) return 'position';
  if (GAZE.test(type) && payload === undefined) return 'gaze';
  if (AXES_TYPES.test(type) && payload === undefined) return 'axes';
  if (/marker|event|button|note|annotation/.test(type) && payload === undefined) return 'events';
  if (/ecg|ekg/.test(type)) return 'ecg';
  if (a.sampling_rate > WAVE_HZ || /ppg|pleth|resp|eeg|emg|\bwave/.test(type)) return 'wave';
  return 'number';
}

const hasPoint = (p: Record<string, unknown>): boolean => typeof p['x'] === 'number' && typeof p['y'] === 'number' && typeof p['z'] !== 'number';

/** Whether measurements of the kind are points of a plane, one coordinate to the right, one upwards or downwards. */
export const isPoint = (kind: Kind): kind is 'position' | 'gaze' => kind === 'position' || kind === 'gaze';

/** The names of the axes of a document. */
export function axesOf(payload: unknown): string[] {
  return isObject(payload) ? AXES.filter((k) => typeof payload[k] === 'number') : [];
}

/** Reads a number by its key. */
export const numberAt = (key: string) => (payload: unknown): number => (isObject(payload) && typeof payload[key] === 'number' ? (payload[key] as number) : NaN);

/** The level of a battery in a document, 0 to 1 or per cent, in per cent. */
export const batteryPercent = (level: number): number => (level <= 1 ? 100 * level : level);

/** The level of a battery in per cent: a number is per cent, {level} in a document is 0 to 1 or per cent. */
export function batteryLevel(payload: unknown): number {
  if (typeof payload === 'number') return payload;
  return batteryPercent(numberAt('level')(payload));
}

/** One line for a document. */
export function describe(payload: unknown): string {
  if (typeof payload === 'string') return payload;
  if (isObject(payload)) {
    for (const key of ['text', 'label', 'name', 'message', 'event', 'type']) if (typeof payload[key] === 'string') return payload[key];
  }
  return JSON.stringify(payload) ?? '';
}
