import type { Reader } from '../bytes.ts';

/** More than any frame can hold: at 512 bytes of two-bit differences in one channel. */
const mostSamples = 2048;

/**
 * Compressed samples of Polar's Measurement Data service ("delta frame"): the first sample in full, then blocks of
 * a width in bits, a number of samples and the packed differences to the sample before, least significant bit first,
 * each two's complement; a block ends at a byte.
 *
 * @param bits of a full sample of one channel
 * @returns a row of all channels for each sample
 */
export function decodeDeltas(r: Reader, channels: number, bits: 16 | 24): number[][] {
  const read = bits === 16 ? 'i16' : 'i24';
  let last = Array.from({ length: channels }, () => r[read]('first sample'));
  const rows = [last];
  while (r.left > 0) {
    const width = r.u8('width of differences');
    const count = r.u8('number of differences');
    if (width > 32 || (width === 0 && count > 0)) r.fail(`differences of ${width} bits`);
    if (rows.length + count > mostSamples) r.fail(`more than ${mostSamples} samples`);
    const packed = r.bytes(Math.ceil((width * count * channels) / 8), 'differences');
    for (let i = 0; i < count; i++) {
      const row = last.map((value, channel) => value + difference(packed, (i * channels + channel) * width, width));
      if (row.some((value) => value !== (value << (32 - bits)) >> (32 - bits))) r.fail(`a sample of more than ${bits} bits`);
      rows.push(row);
      last = row;
    }
  }
  return rows;
}

/** The signed number in some bits of a packed block. */
function difference(packed: Uint8Array, from: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) {
    const bit = from + i;
    if (((packed[bit >> 3] as number) >> (bit & 7)) & 1) value += 2 ** i;
  }
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}
