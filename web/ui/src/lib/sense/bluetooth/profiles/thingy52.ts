import * as decode from '../../decoders/thingy52.ts';
import type { SourceAttribute } from '../../source.ts';
import { type Handler, type Output, type Profile, Subscriptions } from '../profile.ts';

const uuid = (short: number) => `ef68${short.toString(16).padStart(4, '0')}-9b35-4933-9b10-52ffa9740042`;

/** One service of the Thingy:52. The first is what it advertises. */
function profile(id: string, service: number, handlers: (out: Output) => ConstructorParameters<typeof Subscriptions>[1]): Profile {
  return { id, service: uuid(service), listed: false, names: ['Thingy'], open: (out) => new Subscriptions(out, handlers(out)) };
}

function on(short: number, attributes: SourceAttribute[], handler: Handler) {
  return { uuid: uuid(short), attributes, handler };
}

export const thingyEnvironment = profile('thingy52_environment', 0x0200, (out) => [
  on(0x0201, [{ id: 'temperature', type: 'temperature', unit: '°C' }], (v, t) => out.number('temperature', t, decode.decodeTemperature(v))),
  on(0x0202, [{ id: 'pressure', type: 'pressure', unit: 'hPa' }], (v, t) => out.number('pressure', t, decode.decodePressure(v))),
  on(0x0203, [{ id: 'humidity', type: 'humidity', unit: '%' }], (v, t) => out.number('humidity', t, decode.decodeHumidity(v))),
  on(0x0204, [{ id: 'eco2', type: 'co2', unit: 'ppm' }, { id: 'tvoc', type: 'tvoc', unit: 'ppb' }], (v, t) => {
    const { eco2, tvoc } = decode.decodeAirQuality(v);
    out.number('eco2', t, eco2);
    out.number('tvoc', t, tvoc);
  }),
  on(0x0205, [{ id: 'color', type: 'color', unit: '' }], (v, t) => out.document('color', t, decode.decodeColor(v))),
]);

export const thingyButton = profile('thingy52_button', 0x0300, (out) => [
  on(0x0302, [{ id: 'button', type: 'button', unit: '' }], (v, t) => out.document('button', t, decode.decodeButton(v))),
]);

export const thingyMotion = profile('thingy52_motion', 0x0400, (out) => [
  on(0x0402, [{ id: 'tap', type: 'event', unit: '' }], (v, t) => out.document('tap', t, decode.decodeTap(v))),
  on(0x0404, [{ id: 'quaternion', type: 'quaternion', unit: '' }], (v, t) => out.document('quaternion', t, decode.decodeQuaternion(v))),
  on(0x0405, [{ id: 'steps', type: 'steps', unit: '' }], (v, t) => out.number('steps', t, decode.decodeSteps(v).steps)),
  on(0x0406, rawAttributes, (v, t) => {
    const { acceleration, rotation, field } = decode.decodeRawMotion(v);
    out.document('accelerometer', t, acceleration);
    out.document('gyroscope', t, rotation);
    out.document('magnetometer', t, field);
  }),
  on(0x0407, [{ id: 'euler', type: 'euler', unit: '°' }], (v, t) => out.document('euler', t, decode.decodeEuler(v))),
  on(0x0409, [{ id: 'heading', type: 'heading', unit: '°' }], (v, t) => out.number('heading', t, decode.decodeHeading(v))),
  on(0x040a, [{ id: 'gravity', type: 'gravity', unit: 'm/s²' }], (v, t) => out.document('gravity', t, decode.decodeGravity(v))),
]);

const rawAttributes: SourceAttribute[] = [
  { id: 'accelerometer', type: 'accelerometer', unit: 'g' },
  { id: 'gyroscope', type: 'gyroscope', unit: '°/s' },
  { id: 'magnetometer', type: 'magnetometer', unit: 'µT' },
];
