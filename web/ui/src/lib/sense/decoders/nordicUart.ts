import { DecodeError } from '../bytes.ts';

/** Longer lines are no readings; a device that never ends a line must not fill the memory. */
export const longestLine = 4096;

/**
 * Lines out of the bytes that a device sends on the Nordic UART Service (TX 6E400003-B5A3-F393-E0A9-E50E24DCCA9E;
 * nRF Connect SDK, "Nordic UART Service (NUS)"). Packets end anywhere, also in the midst of a character.
 */
export class LineDecoder {
  #bytes: number[] = [];
  #skipping = false;

  /**
   * The lines that end in this packet, without their line ends; empty ones are left out. A line that is too long or
   * not UTF-8 is a DecodeError in its place; the decoder goes on after it.
   */
  push(view: DataView): (string | DecodeError)[] {
    const lines: (string | DecodeError)[] = [];
    for (let i = 0; i < view.byteLength; i++) {
      const byte = view.getUint8(i);
      const line = byte === 0x0a ? this.#end() : this.#add(byte);
      if (line) lines.push(line);
    }
    return lines;
  }

  /** Forgets a line that was begun: after a reconnection its end never comes. */
  reset(): void {
    this.#bytes = [];
    this.#skipping = false;
  }

  #add(byte: number): DecodeError | null {
    if (this.#skipping) return null;
    this.#bytes.push(byte);
    if (this.#bytes.length <= longestLine) return null;
    this.#bytes = [];
    this.#skipping = true;
    return new DecodeError('Nordic UART', `a line of more than ${longestLine} bytes`);
  }

  #end(): string | DecodeError | null {
    const bytes = new Uint8Array(this.#bytes);
    const skipped = this.#skipping;
    this.reset();
    if (skipped) return null;
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
    } catch {
      return new DecodeError('Nordic UART', 'a line that is not UTF-8');
    }
  }
}

/** What a line says: numbers by attribute, or the text as it is. */
export type Line = { numbers: [attribute: string, value: number][] } | { text: string };

const numberPattern = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$/;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * The readings of a line: `name=value` and `name:value` pairs, or bare numbers (`value`, and with several `value_1`,
 * `value_2` …), separated by commas, semicolons or white space; also a flat JSON object of numbers. Anything else is text.
 */
export function parseLine(line: string): Line {
  const numbers = line.startsWith('{') ? fromJson(line) : fromFields(line);
  return numbers ? { numbers } : { text: line };
}

function fromFields(line: string): [string, number][] | null {
  const fields = line.replace(/\s*([=:])\s*/g, '$1').split(/[,;\s]+/).filter(Boolean);
  const numbers: [string, number][] = [];
  for (const [i, field] of fields.entries()) {
    const split = field.search(/[=:]/);
    const name = split >= 0 ? field.slice(0, split) : fields.length > 1 ? `value_${i + 1}` : 'value';
    const value = number(field.slice(split + 1));
    if (value === null || !namePattern.test(name)) return null;
    numbers.push([name, value]);
  }
  return numbers.length > 0 ? numbers : null;
}

function fromJson(line: string): [string, number][] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const entries = Object.entries(parsed);
  const all = entries.every(([name, value]) => namePattern.test(name) && typeof value === 'number' && Number.isFinite(value));
  return all && entries.length > 0 ? (entries as [string, number][]) : null;
}

function number(text: string): number | null {
  if (!numberPattern.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
