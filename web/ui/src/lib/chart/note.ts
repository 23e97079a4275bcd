/** A document of an attribute, with its time in Unix ms. */
export interface Document {
  readonly time: number;
  readonly payload: unknown;
}

/**
 * The body of an import (docs/exchange.md, docs/storage.md) that stores documents
 * of one attribute with their own times: how notes become events of a sensor
 * without taking the place of its device.
 */
export function importBody(attribute: { id: string; name: string }, documents: readonly Document[]): Uint8Array<ArrayBuffer> {
  const manifest = utf8(JSON.stringify({ attributes: [{ id: attribute.id, attribute_name: attribute.name }] }));
  const sorted = [...documents].sort((a, b) => a.time - b.time);
  const body = new Bytes();
  body.add(utf8('SNSOIMP')).add([1]).uvarint(manifest.length).add(manifest);
  for (const d of sorted) {
    const chunk = documentChunk(d);
    body.uvarint(1).uvarint(chunk.length).add(chunk);
  }
  return body.uvarint(0).uvarint(sorted.length).done();
}

/** A chunk of version 1 with one document. */
function documentChunk(d: Document): Uint8Array {
  const [LINES, NONE, PLAIN] = [1, 0, 1];
  const text = utf8(JSON.stringify(d.payload));
  const content = new Bytes();
  content.uvarint(1).uvarint(1); // samples, documents
  content.uvarint(1).varint(Math.round(d.time * 1000)); // unit µs, time
  content.varint(0).uvarint(0); // period
  content.uvarint(1).varint(0).uvarint(0); // one run
  const block = new Bytes().uvarint(0).uvarint(text.length).add(text).done();
  content.uvarint(block.length).add(block);
  const forms = [1, LINES, NONE, PLAIN];
  const rest = content.done();
  const sum = crc32c([...forms, ...rest]);
  return new Bytes().add(forms).add([sum & 255, (sum >>> 8) & 255, (sum >>> 16) & 255, sum >>> 24]).add(rest).done();
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

class Bytes {
  readonly #bytes: number[] = [];

  add(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.#bytes.push(bytes[i] as number);
    return this;
  }
  /** Divides instead of shifting: µs since 1970 have more than 32 bits. */
  uvarint(n: number): this {
    for (; n >= 128; n = Math.floor(n / 128)) this.#bytes.push((n % 128) + 128);
    this.#bytes.push(n);
    return this;
  }
  varint(n: number): this {
    return this.uvarint(n >= 0 ? 2 * n : -2 * n - 1);
  }
  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

function crc32c(bytes: ArrayLike<number>): number {
  let crc = ~0;
  for (let i = 0; i < bytes.length; i++) {
    crc ^= bytes[i] as number;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
