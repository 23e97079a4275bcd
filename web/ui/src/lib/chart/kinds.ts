/** How an attribute is shown: in tiles, charts, comparisons and calls alike. */
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

/** What an attribute measures, and how that is usually shown. */
export interface Quantity {
  /** One name for all spellings. */
  readonly name: string;
  readonly kind: Kind;
}

type Document = Record<string, unknown>;
const isObject = (v: unknown): v is Document => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Attributes that are sampled at least as fast are waveforms: nobody reads that many numbers a second. */
const WAVE_HZ = 10;
const AXES = ['x', 'y', 'z', 'w', 'alpha', 'beta', 'gamma', 'roll', 'pitch', 'yaw'] as const;
/** Where a document that is one number has it. */
const NUMBER_FIELDS = ['value', 'bpm', 'level'] as const;
const LATITUDES = ['latitude', 'lat'] as const;
const LONGITUDES = ['longitude', 'lon', 'lng'] as const;
/** What of a document is read to people. */
const LABELS = ['text', 'label', 'name', 'message', 'event', 'type'] as const;
/** Notes and markers that people set are events of this attribute. */
export const NOTE_ATTRIBUTE = 'annotations';

// The spellings of devices, as lower case words; the most telling quantity of each kind first.
const SPELLINGS: readonly (readonly [name: string, kind: Kind, spelled: string])[] = [
  ['heartrate', 'number', 'heart ?rate(?! variability)|pulse ?rate|hr|bpm'],
  ['spo2', 'number', 'spo2|oxygen saturation'],
  ['temperature', 'number', 'temperature|temp'],
  ['respiration_rate', 'number', '(?:respiration|respiratory|resp|breathing|breath) ?rate'],
  ['hrv', 'number', 'hrv|heart ?rate variability'],
  ['rr_interval', 'number', 'rr intervals?|rri'],
  ['steps', 'number', 'steps?|step count'],
  ['humidity', 'number', 'humidity'],
  ['blood_pressure', 'number', 'blood pressure'],
  ['pressure', 'number', 'pressure'],
  ['power', 'number', 'power'],
  ['cadence', 'number', 'cadence'],
  ['speed', 'number', 'speed'],
  ['battery', 'battery', 'battery(?: level| charge| percent| percentage)?$'],
  ['ecg', 'ecg', 'ecg|ekg|electrocardiogram'],
  ['ppg', 'wave', 'ppg|pleth(?:ysmogram)?|photoplethysmogram'],
  ['eeg', 'wave', 'eeg'],
  ['emg', 'wave', 'emg'],
  ['respiration', 'wave', 'resp|respiration|breathing'],
  ['audio', 'wave', 'audio'],
  ['eda', 'wave', 'eda|gsr'],
  ['waveform', 'wave', 'wave|waveform'],
  ['gaze', 'gaze', 'gaze'],
  ['geolocation', 'position', 'geolocation|position|gps'],
  ['quaternion', 'axes', 'quaternion'],
  ['orientation', 'axes', 'orientation|euler'],
  ['imu', 'axes', 'imu'],
  ['accelerometer', 'axes', 'accel(?:eration|erometer)?|acc'],
  ['gyroscope', 'axes', 'gyro(?:scope)?|rotation'],
  ['magnetometer', 'axes', 'mag|magnet(?:ometer|ic field)?'],
  ['motion', 'axes', 'motion|gravity'],
  ['vector', 'axes', 'vector'],
  ['event', 'events', '(?:marker|event|button|note|annotation)s?|text'],
];
const QUANTITIES = SPELLINGS.map(([name, kind, spelled]) => ({ quantity: { name, kind }, words: new RegExp(`\\b(?:${spelled})\\d*\\b`) }));

/** The names of quantities, the most telling of each kind first. */
export const quantityNames: readonly string[] = SPELLINGS.map(([name]) => name);

/** Types that say what a measurement is made of, and less than the id does. */
const GENERIC = ['number', 'vector', 'text'];

/** What the attribute measures, by its type, else by its id, else by what its documents call it; undefined where no word of that is known. */
export function quantityOf(a: AttributeLike): Quantity | undefined {
  const { attribute_type: type, id } = a;
  const [first, second] = GENERIC.includes(type) ? [id, type] : [type, id];
  return spelledAs(first) ?? spelledAs(second) ?? spelledAs(fieldOfNumber(a.last_value?.payload) ?? '');
}

const known = new Map<string, Quantity | undefined>(); // each attribute of each sensor is asked for often, and there are few spellings
const MOST_KNOWN = 1000;

function spelledAs(name: string): Quantity | undefined {
  if (known.has(name)) return known.get(name);
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase().replace(/[^a-z0-9]+/g, ' ').trim();
  const found = QUANTITIES.find((q) => q.words.test(words))?.quantity;
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(name, found);
  return found;
}

/** How the attribute is shown: by what it measured last as far as that tells, else by what it is called. */
export function kindOf(a: AttributeLike): Kind {
  if (a.id === NOTE_ATTRIBUTE) return 'events';
  const usual = quantityOf(a)?.kind ?? 'number';
  const payload = a.last_value?.payload;
  if (payload === undefined) return usual === 'number' ? ofNumbers(a, usual) : usual;
  if (typeof payload === 'number') return ofNumbers(a, usual);
  return isObject(payload) ? ofDocuments(a, usual, payload) : 'events';
}

function ofNumbers(a: AttributeLike, usual: Kind): Kind {
  if (usual === 'ecg' || usual === 'wave' || usual === 'battery') return usual;
  return a.sampling_rate >= WAVE_HZ ? 'wave' : 'number';
}

function ofDocuments(a: AttributeLike, usual: Kind, payload: Document): Kind {
  if (coordinatesOf(payload)) return 'position';
  if (usual === 'battery') return 'battery';
  if (usual === 'gaze' && isScenePoint(payload)) return 'gaze';
  if (axesOf(payload).length > 1) return 'axes';
  const isNumber = usual !== 'events' && fieldOfNumber(payload) !== undefined && labelOf(payload) === undefined;
  return isNumber ? ofNumbers(a, usual) : 'events';
}

/** Where somebody looks is a point of the scene or the screen; a direction in space, with z, is drawn as axes. */
const isScenePoint = (p: Document): boolean => hasNumber(p, 'x') && hasNumber(p, 'y') && !hasNumber(p, 'z');

/** Whether measurements of the kind are points of a plane, one coordinate to the right, one upwards or downwards. */
export const isPoint = (kind: Kind): kind is 'position' | 'gaze' => kind === 'position' || kind === 'gaze';

const hasNumber = (p: Document, key: string): boolean => typeof p[key] === 'number';
const fieldOfNumber = (payload: unknown): string | undefined => (isObject(payload) ? NUMBER_FIELDS.find((key) => hasNumber(payload, key)) : undefined);

/** The names of the axes of a document. */
export function axesOf(payload: unknown): string[] {
  return isObject(payload) ? AXES.filter((k) => hasNumber(payload, k)) : [];
}

/** What a document calls longitude and latitude; undefined where it has no position. */
export function coordinatesOf(payload: unknown): readonly [longitude: string, latitude: string] | undefined {
  if (!isObject(payload)) return undefined;
  const [longitude, latitude] = [LONGITUDES.find((k) => hasNumber(payload, k)), LATITUDES.find((k) => hasNumber(payload, k))];
  return longitude !== undefined && latitude !== undefined ? [longitude, latitude] : undefined;
}

/**
 * The names of the numbers that are drawn of the documents of an attribute, by one
 * of them or, without one, as they usually are: of a point, to the right first.
 * None where measurements are numbers themselves, and of events.
 */
export function fieldsOf(kind: Kind, payload: unknown): readonly string[] {
  if (kind === 'events') return [];
  if (kind === 'position') return coordinatesOf(payload) ?? ['longitude', 'latitude'];
  if (kind === 'gaze') return ['x', 'y'];
  if (kind === 'axes') return axesOf(payload).length > 0 ? axesOf(payload) : ['x', 'y', 'z'];
  if (!isObject(payload)) return [];
  return [kind === 'battery' && hasNumber(payload, 'level') ? 'level' : (fieldOfNumber(payload) ?? 'value')];
}

/** Reads a number by its key. */
export const numberAt = (key: string) => (payload: unknown): number => (isObject(payload) && typeof payload[key] === 'number' ? (payload[key] as number) : NaN);

/** The level of a battery in a document, 0 to 1 or per cent, in per cent. */
export const batteryPercent = (level: number): number => (level <= 1 ? 100 * level : level);

/** The number of a measurement, NaN where it has none. Batteries are in per cent: a number is that, a document may have 0 to 1. */
export function numberOfKind(kind: Kind, payload: unknown): number {
  if (typeof payload === 'number') return payload;
  const n = numberAt(fieldsOf(kind, payload)[0] ?? '')(payload);
  return kind === 'battery' ? batteryPercent(n) : n;
}

const labelOf = (p: Document): string | undefined => LABELS.map((key) => p[key]).find((v): v is string => typeof v === 'string');

/** One line for a document. */
export function describe(payload: unknown): string {
  if (typeof payload === 'string') return payload;
  return (isObject(payload) ? labelOf(payload) : undefined) ?? JSON.stringify(payload) ?? '';
}
