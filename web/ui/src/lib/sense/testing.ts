/** A packet from its bytes in hexadecimal, inside a larger buffer, as browsers may hand it over. */
export function packet(hex: string): DataView {
  const bytes = hex.split(/\s+/).filter(Boolean).map((b) => parseInt(b, 16));
  const buffer = new Uint8Array(bytes.length + 16).fill(0xee);
  buffer.set(bytes, 7);
  return new DataView(buffer.buffer, 7, bytes.length);
}

/** The bytes of a packet in hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(' ');
}
