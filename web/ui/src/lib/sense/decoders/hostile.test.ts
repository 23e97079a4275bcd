import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError } from '../bytes.ts';
import { decodeBatteryLevel } from './battery.ts';
import { decodeCyclingPower } from './cyclingPower.ts';
import { decodeCyclingSpeed } from './cyclingSpeed.ts';
import { decodeMagneticFlux, decodeQuantity, quantities } from './environmental.ts';
import { decodeHeartRate } from './heartRate.ts';
import { decodeData, decodeMessage } from './movesense.ts';
import { LineDecoder, parseLine } from './nordicUart.ts';
import { decodeControl, decodeFeatures } from './polarControl.ts';
import { decodePmdFrame } from './polarPmd.ts';
import { decodeContinuousOximetry, decodeSpotCheckOximetry } from './pulseOximeter.ts';
import { decodeRunningSpeed } from './runningSpeed.ts';
import { decodeTemperature } from './thermometer.ts';
import * as thingy from './thingy52.ts';

const bytesOf = (view: DataView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const decoders: Record<string, (view: DataView) => unknown> = {
  decodeBatteryLevel,
  decodeContinuousOximetry,
  decodeControl,
  decodeCyclingPower,
  decodeCyclingSpeed,
  decodeFeatures,
  decodeHeartRate,
  decodeMagneticFlux,
  decodeMessage,
  decodePmdFrame: (v) => decodePmdFrame(v),
  decodeRunningSpeed,
  decodeSpotCheckOximetry,
  decodeTemperature,
  ...Object.fromEntries(quantities.map((q) => [q.id, (v: DataView) => decodeQuantity(q, v)])),
  ...Object.fromEntries((['ecg', 'imu6', 'imu9', 'heartRate', 'temperature'] as const).map((m) => [`movesense ${m}`, (v: DataView) => decodeData(m, bytesOf(v))])),
  ...(thingy as Record<string, (view: DataView) => unknown>),
  lines: (v) => new LineDecoder().push(v).map((l) => (typeof l === 'string' ? parseLine(l) : l.message)),
};

/** A view between two fences: whoever reads one of them out of bounds gets another result where they differ. */
function fenced(bytes: Uint8Array, fence: number): DataView {
  const buffer = new Uint8Array(bytes.length + 32).fill(fence);
  buffer.set(bytes, 16);
  return new DataView(buffer.buffer, 16, bytes.length);
}

/** The result as text, or the message of the DecodeError; anything else thrown fails the test. */
function outcome(decode: (view: DataView) => unknown, view: DataView): string {
  try {
    return JSON.stringify(decode(view));
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e;
    expect(e.reason).not.toBe('');
    return e.message;
  }
}

// Packets that begin like real ones get further into the decoders than noise does.
const beginnings = [[], [0x1f], [0xf0, 0x01, 0x02, 0, 0], [0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0x81], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]];
const packets = fc
  .tuple(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 244 }))
  .map(([beginning, rest]) => new Uint8Array([...beginning, ...rest]));

test.each(Object.entries(decoders))('%s: a value or a DecodeError, from its own bytes alone', (_, decode) => {
  fc.assert(
    fc.property(packets, (bytes) => {
      expect(outcome(decode, fenced(bytes, 0x00))).toBe(outcome(decode, fenced(bytes, 0xff)));
    }),
    { numRuns: 300 },
  );
});

test.each(Object.entries(decoders))('%s: no number that is not finite', (_, decode) => {
  fc.assert(
    fc.property(packets, (bytes) => {
      try {
        expectFinite(decode(fenced(bytes, 0)));
      } catch (e) {
        if (!(e instanceof DecodeError)) throw e;
      }
    }),
    { numRuns: 300 },
  );
});

function expectFinite(value: unknown): void {
  if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
  else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) Object.values(value).forEach(expectFinite);
}
