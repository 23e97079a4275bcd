import { DecodeError, Reader } from '../../bytes.ts';
import { answers, type Command, decodeControl, decodeFeatures, type Response, type Settings, settingsCommand, startCommand, stopCommand } from '../../decoders/polarControl.ts';
import { measurementType, type MeasurementType } from '../../decoders/polarPmd.ts';
import { find, type Output, type Profile, read, type Session, subscribe } from '../profile.ts';
import { PolarStream } from './polarStream.ts';

const uuid = (n: number) => `fb005c8${n}-02e7-f387-1cad-8acd2d8df0c8`;
const answerWithin = 5000;

/** What is measured where the sensor can, in the order in which it is started. */
const wanted: readonly MeasurementType[] = ['ecg', 'ppg', 'acc', 'gyro', 'mag', 'ppi'];

export const polar: Profile = { id: 'polar_pmd', service: uuid(0), listed: false, names: ['Polar'], open: (out) => new PolarSession(out) };

/** Starts each measurement with its highest resolution, at the rate that fits it. */
class PolarSession implements Session {
  #streams = new Map<MeasurementType, PolarStream>();
  #control: BluetoothRemoteGATTCharacteristic | null = null;
  #heard: ((response: Response) => void) | null = null;

  constructor(private readonly out: Output) {}

  async connect(service: BluetoothRemoteGATTService): Promise<void> {
    const [control, data] = [await find(service, uuid(1)), await find(service, uuid(2))];
    if (!control || !data) throw new DecodeError('Polar Measurement Data', 'the service lacks a characteristic');
    this.#control = control;
    const features = decodeFeatures(await read(control));
    await subscribe(control, this.out, (view) => this.#respond(decodeControl(view)));
    await subscribe(data, this.out, (view, arrival) => this.#data(view, arrival));
    for (const type of wanted) if (features.includes(type)) await this.#start(type);
  }

  async disconnect(): Promise<void> {
    for (const type of this.#streams.keys()) await this.#control?.writeValueWithResponse(stopCommand(type));
  }

  /** A measurement that the sensor refuses costs no other. */
  async #start(type: MeasurementType): Promise<void> {
    try {
      const offered = type === 'ppi' ? {} : (await this.#ask('settings', type, settingsCommand(type))).settings;
      const chosen = choose(type, offered);
      const answer = await this.#ask('start', type, startCommand(type, chosen));
      const stream = this.#streams.get(type) ?? new PolarStream(type, this.out);
      this.#streams.set(type, stream);
      stream.begin(chosen.sampleRate ?? 0, answer.settings.factor?.[0] ?? 1);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.out.refused(error);
    }
  }

  #data(view: DataView, arrival: number): void {
    const type = measurementType(new Reader(view, 'Polar data frame'));
    const stream = this.#streams.get(type);
    if (!stream) throw new DecodeError('Polar data frame', `${type} was not started`);
    stream.push(view, arrival);
  }

  #respond(response: Response): void {
    if (response.kind === 'stopped') this.out.refused(new DecodeError('Polar', `the sensor ended ${response.types.join(', ')}`));
    else this.#heard?.(response);
  }

  /** Writes a command and waits for its answer. */
  async #ask(command: Command, type: MeasurementType, bytes: Uint8Array<ArrayBuffer>): Promise<Extract<Response, { kind: 'response' }>> {
    const answer = new Promise<Extract<Response, { kind: 'response' }>>((resolve, reject) => {
      const timer = setTimeout(() => reject(new DecodeError('Polar', `no answer to "${command} ${type}"`)), answerWithin);
      this.#heard = (response) => {
        if (response.kind !== 'response' || !answers(response, command, type)) return;
        clearTimeout(timer);
        resolve(response);
      };
    });
    answer.catch(() => undefined); // where writing fails, nobody waits for the answer
    await this.#control?.writeValueWithResponse(bytes);
    const response = await answer;
    if (response.error && response.error !== 'already in this state') throw new DecodeError('Polar', `${command} ${type}: ${response.error}`);
    return response;
  }
}

/** Documents cost more than numbers, so axes come at about 50 Hz; light and ECG as the sensor likes. */
function choose(type: MeasurementType, offered: Settings): { [name in keyof Settings]?: number } {
  const highest = (values?: number[]) => (values?.length ? Math.max(...values) : undefined);
  const chosen: { [name in keyof Settings]?: number } = {};
  const rates = offered.sampleRate ?? [];
  const rate = type === 'ecg' || type === 'ppg' ? highest(rates) : (rates.filter((r) => r >= 50).sort((a, b) => a - b)[0] ?? highest(rates));
  if (rate !== undefined) chosen.sampleRate = rate;
  for (const name of ['resolution', 'range', 'rangeMilli', 'channels'] as const) {
    const value = highest(offered[name]);
    if (value !== undefined) chosen[name] = value;
  }
  return chosen;
}
