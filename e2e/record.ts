// WFDB records of two signals in format 212, written and read independently of
// the program, so that its reading can be compared with something.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Signal {
  name: string;
  unit: string;
  gain: number;
  baseline: number;
  adc: Int16Array; // 12 bits
}

export interface WFDBRecord {
  name: string;
  rate: number;
  signals: [Signal, Signal];
}

/** In format 212 this means that there is no sample. */
export const invalid = -2048;

/** Two samples are three bytes: low bytes of both, between them their high nibbles. */
export function pack212([first, second]: [Signal, Signal]): Uint8Array {
  const bytes = new Uint8Array(first.adc.length * 3);
  first.adc.forEach((a, i) => {
    const b = second.adc[i]!;
    bytes.set([a & 0xff, ((a >> 8) & 0x0f) | ((b >> 4) & 0xf0), b & 0xff], i * 3);
  });
  return bytes;
}

export function unpack212(bytes: Uint8Array): [Int16Array, Int16Array] {
  const signed = (n: number) => (n << 20) >> 20;
  const n = Math.floor(bytes.length / 3);
  const at = (i: number) => bytes[i]!;
  return [
    Int16Array.from({ length: n }, (_, i) => signed(at(i * 3) | ((at(i * 3 + 1) & 0x0f) << 8))),
    Int16Array.from({ length: n }, (_, i) => signed(at(i * 3 + 2) | ((at(i * 3 + 1) & 0xf0) << 4))),
  ];
}

/** Writes the record into a directory and returns the name of its header. */
export function writeRecord(dir: string, { name, rate, signals }: WFDBRecord): string {
  const lines = signals.map((s) => {
    const sum = s.adc.reduce((a, b) => (a + b) & 0xffff, 0);
    return `${name}.dat 212 ${s.gain}(${s.baseline})/${s.unit} 12 0 ${s.adc[0]} ${sum} 0 ${s.name}`;
  });
  writeFileSync(join(dir, `${name}.dat`), pack212(signals));
  const header = join(dir, `${name}.hea`);
  writeFileSync(header, [`${name} 2 ${rate} ${signals[0].adc.length}`, ...lines, ""].join("\n"));
  return header;
}

/** A record with every value of 12 bits, and gaps. */
export function generateRecord(name: string, seconds: number): WFDBRecord {
  const rate = 360;
  const length = seconds * rate;
  const wave = Int16Array.from({ length }, (_, i) => Math.round(900 * Math.sin(i / 7)));
  const ramp = Int16Array.from({ length }, (_, i) => ((i * 5) % 4096) - 2048); // −2048 comes by: a gap
  return {
    name,
    rate,
    signals: [
      { name: "ECG I", unit: "mV", gain: 200, baseline: 24, adc: wave },
      { name: "ABP", unit: "mmHg", gain: 13.7, baseline: -1605, adc: ramp },
    ],
  };
}

/** The beginning of record 100 of the MIT-BIH Arrhythmia Database. */
export function beginningOf100(directory: string, seconds: number): WFDBRecord {
  const rate = 360;
  const [mlii, v5] = unpack212(readFileSync(join(directory, "100.dat")).subarray(0, seconds * rate * 3));
  const signal = { unit: "mV", gain: 200, baseline: 1024 };
  return { name: "100", rate, signals: [{ name: "MLII", ...signal, adc: mlii }, { name: "V5", ...signal, adc: v5 }] };
}
