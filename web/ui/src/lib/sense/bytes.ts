/** A packet that does not have the format that its characteristic promises. Nothing of it was used. */
export class DecodeError extends Error {
  constructor(
    /** What was decoded, such as "Heart Rate Measurement". */
    readonly what: string,
    /** Why it was refused. */
    readonly reason: string,
  ) {
    super(`${what}: ${reason}`);
    this.name = 'DecodeError';
  }
}

/**
 * Reads little-endian fields one after the other, as all formats here are laid out. Reading past the end throws a
 * DecodeError that says which field was cut.
 */
export class Reader {
  #at = 0;

  constructor(
    private readonly view: DataView,
    private readonly what: string,
  ) {}

  get left(): number {
    return this.view.byteLength - this.#at;
  }

  fail(reason: string): never {
    throw new DecodeError(this.what, reason);
  }

  /** Checks that everything was read: more bytes than the format has mean that it is another format. */
  end(): void {
    if (this.left > 0) this.fail(`${bytes(this.left)} too many`);
  }

  u8(field: string): number {
    return this.view.getUint8(this.#take(1, field));
  }

  i8(field: string): number {
    return this.view.getInt8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.view.getUint16(this.#take(2, field), true);
  }

  i16(field: string): number {
    return this.view.getInt16(this.#take(2, field), true);
  }

  u24(field: string): number {
    const at = this.#take(3, field);
    return this.view.getUint16(at, true) | (this.view.getUint8(at + 2) << 16);
  }

  i24(field: string): number {
    const at = this.#take(3, field);
    return this.view.getUint16(at, true) | (this.view.getInt8(at + 2) << 16);
  }

  u32(field: string): number {
    return this.view.getUint32(this.#take(4, field), true);
  }

  i32(field: string): number {
    return this.view.getInt32(this.#take(4, field), true);
  }

  u64(field: string): bigint {
    return this.view.getBigUint64(this.#take(8, field), true);
  }

  /** A float that must be a number: infinity and NaN are refused. The shortest decimal that is this float. */
  finite(field: string): number {
    const x = this.view.getFloat32(this.#take(4, field), true);
    return Number.isFinite(x) ? shortest(x) : this.fail(`${field} is not a number`);
  }

  /** The next n bytes, without copying. */
  bytes(n: number, field: string): Uint8Array {
    const at = this.#take(n, field);
    return new Uint8Array(this.view.buffer, this.view.byteOffset + at, n);
  }

  #take(n: number, field: string): number {
    const at = this.#at;
    if (this.left < n) this.fail(`cut: ${field} needs ${bytes(n)}, ${this.left} left`);
    this.#at = at + n;
    return at;
  }
}

/** 0.1 as a float of 32 bits, and not 0.10000000149011612, which says the same at length. */
function shortest(x: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === x) return short;
  }
  return x;
}

function bytes(n: number): string {
  return n === 1 ? '1 byte' : `${n} bytes`;
}
