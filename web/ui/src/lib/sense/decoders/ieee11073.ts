import type { Reader } from '../bytes.ts';

/**
 * Medical numbers of IEEE 11073-20601 (annex F.7), as the GATT Specification Supplement takes them over
 * (medfloat16, medfloat32): an exponent of 10 in the top bits, a mantissa below it, both two's complement.
 *
 * The mantissas that stand for "not a number", "not at this resolution", plus and minus infinity and the reserved one
 * are null: there is a field, and no value in it.
 */
export type MedicalFloat = number | null;

/** SFLOAT: 4 bits of exponent, 12 of mantissa. */
export function sfloat(r: Reader, field: string): MedicalFloat {
  const raw = r.u16(field);
  const mantissa = (raw << 20) >> 20;
  const exponent = (raw << 16) >> 28;
  return isSpecial(mantissa, 0x7ff) ? null : scale(mantissa, exponent);
}

/** FLOAT: 8 bits of exponent, 24 of mantissa. */
export function float(r: Reader, field: string): MedicalFloat {
  const raw = r.u32(field);
  const mantissa = (raw << 8) >> 8;
  const exponent = raw >> 24;
  return isSpecial(mantissa, 0x7fffff) ? null : scale(mantissa, exponent);
}

/** The five specials are the two largest and the three smallest mantissas. */
function isSpecial(mantissa: number, largest: number): boolean {
  return mantissa >= largest - 1 || mantissa <= -largest + 1;
}

/** Division by a power of ten rounds once, multiplication by 0.1 twice: 366 and -1 are 36.6 exactly as written. */
function scale(mantissa: number, exponent: number): number {
  return exponent < 0 ? mantissa / 10 ** -exponent : mantissa * 10 ** exponent;
}
