import { decodeContinuousOximetry, decodeSpotCheckOximetry, type Oximetry } from '../../decoders/pulseOximeter.ts';
import { celsius, decodeTemperature, type Temperature } from '../../decoders/thermometer.ts';
import { type Output, type Profile, Subscriptions, uuid } from '../profile.ts';

/** A reading is taken to be of its packet's time unless that is after now: clocks of such devices are set by hand. */
function timeOf(reading: number | null, arrival: number): number {
  return reading === null || reading > arrival ? arrival : reading;
}

export const pulseOximeter: Profile = {
  id: 'pulse_oximeter',
  service: uuid(0x1822),
  listed: true,
  open(out) {
    const attributes = [
      { id: 'spo2', name: 'Oxygen saturation', type: 'spo2', unit: '%' },
      { id: 'heartrate', name: 'Pulse rate', type: 'heartrate', unit: 'bpm' },
    ];
    return new Subscriptions(out, [
      { uuid: uuid(0x2a5f), attributes, handler: (view, arrival) => oximetry(out, decodeContinuousOximetry(view), arrival) },
      { uuid: uuid(0x2a5e), attributes, handler: (view, arrival) => oximetry(out, decodeSpotCheckOximetry(view), arrival) },
    ]);
  },
};

function oximetry(out: Output, m: Oximetry, arrival: number): void {
  const time = timeOf(m.time, arrival);
  if (m.spo2 !== null) out.number('spo2', time, m.spo2);
  if (m.pulseRate !== null) out.number('heartrate', time, m.pulseRate);
  if (m.amplitude === null) return;
  out.attribute({ id: 'pulse_amplitude', name: 'Pulse amplitude index', type: 'pulse_amplitude', unit: '%' });
  out.number('pulse_amplitude', time, m.amplitude);
}

export const healthThermometer: Profile = {
  id: 'health_thermometer',
  service: uuid(0x1809),
  listed: true,
  open(out) {
    const final = [{ id: 'temperature', name: 'Temperature', type: 'temperature', unit: '°C' }];
    const intermediate = [{ id: 'temperature_intermediate', name: 'Temperature, while measuring', type: 'temperature', unit: '°C' }];
    return new Subscriptions(out, [
      { uuid: uuid(0x2a1c), attributes: final, handler: (v, arrival) => temperature(out, 'temperature', decodeTemperature(v), arrival) },
      { uuid: uuid(0x2a1e), attributes: intermediate, handler: (v, arrival) => temperature(out, 'temperature_intermediate', decodeTemperature(v), arrival) },
    ]);
  },
};

function temperature(out: Output, attribute: string, t: Temperature, arrival: number): void {
  const value = celsius(t);
  if (value !== null) out.number(attribute, timeOf(t.time, arrival), value);
}
