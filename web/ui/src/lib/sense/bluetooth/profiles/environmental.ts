import { decodeMagneticFlux, decodeQuantity, quantities, type Quantity } from '../../decoders/environmental.ts';
import { type Output, type Profile, Subscriptions, uuid } from '../profile.ts';

export const environmental: Profile = {
  id: 'environmental_sensing',
  service: uuid(0x181a),
  listed: true,
  open: (out) => new Subscriptions(out, [...quantities.map((q) => quantity(out, q)), magneticFlux(out)]),
};

function quantity(out: Output, q: Quantity) {
  const handler = (view: DataView, arrival: number) => {
    const value = decodeQuantity(q, view);
    if (value !== null) out.number(q.id, arrival, value);
  };
  return { uuid: uuid(q.uuid), attributes: [{ id: q.id, type: q.id, unit: q.unit }], handler };
}

function magneticFlux(out: Output) {
  const attributes = [{ id: 'magnetometer', type: 'magnetometer', unit: 'µT' }];
  const handler = (view: DataView, arrival: number) => out.document('magnetometer', arrival, decodeMagneticFlux(view));
  return { uuid: uuid(0x2aa1), attributes, handler };
}
