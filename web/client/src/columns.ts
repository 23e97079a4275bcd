// Binary measurements, version 1: the payload of the binary event "measurements"
// in both directions. The layout is drawn in docs/protocol.md; the tests read the
// same golden files as the Go codec. It has no dependencies, so that any client
// can take it as it is.
//
// Decoding is strict: every length is checked before it is used, and a body that
// the server would refuse is refused here with the same reason.

export const columnsVersion = 1;
export const maxColumnSamples = 1 << 18;

/** How a column gives its timestamps. Times are Unix time in µs. */
export type Times =
  | { times: "regular"; origin: number; first: number; rate: number }
  | { times: "explicit"; timestamps: ArrayLike<number> };

/** How a column gives its values; raw numbers mean (raw − baseline) / gain. */
export type Values =
  | { form: "int16" | "int32"; raw: ArrayLike<number>; baseline: number; gain: number }
  | { form: "float32" | "float64"; values: ArrayLike<number> };

/** Samples of one attribute to send. */
export type Column = { attributeId: string } & Times & Values;

/** Samples of one attribute as they were received. */
export interface Samples {
  attributeId: string;
  timestamps: Float64Array; // µs, exact
  values: Float64Array;
}

export interface Header {
  stream?: string; // a UUID, together with seq
  seq?: bigint;
  lagged?: number; // samples that were not sent one by one
}

export type Reason = "invalid_columns" | "invalid_payload" | "invalid_attribute_id";

export class ColumnsError extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(`${reason}: ${message}`);
    this.name = "ColumnsError";
    this.reason = reason;
  }
}

const forms = ["int16", "float32", "float64", "int32"] as const;
type Form = (typeof forms)[number];
const sizes: Record<Form, number> = { int16: 2, int32: 4, float32: 4, float64: 8 };
const maxTime = 2 ** 53;
const maxDelta = 2 ** 31;
const attributeId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The time of sample i of a series that starts at origin (µs) at a rate (Hz). */
export function regularTime(origin: number, i: number, rate: number): number {
  return origin + Math.round((i * 1e6) / rate);
}

/** Reads a body. It throws ColumnsError for one that is malformed. */
export function decodeColumns(body: ArrayBuffer | Uint8Array): { header: Header; columns: Samples[] } {
  const r = new Reader(body);
  const header = readHeader(r);
  const columns: Samples[] = [];
  let samples = 0;
  for (let n = r.u16(); n > 0; n--) {
    const column = readColumn(r);
    samples += column.values.length;
    if (samples > maxColumnSamples) throw malformed("too many samples");
    columns.push(column);
  }
  if (r.left > 0) throw malformed("bytes behind the last column");
  return { header, columns };
}

function readHeader(r: Reader): Header {
  if (r.u8() !== columnsVersion) throw malformed("unknown version");
  const flags = r.u8();
  if (flags > 3) throw malformed("unknown flag");
  const header: Header = {};
  if (flags & 1) {
    header.stream = uuid(r.bytes(16));
    header.seq = r.u64();
    if (header.seq === 0n) throw malformed("seq counts from 1");
  }
  if (flags & 2) header.lagged = r.u32();
  return header;
}

function readColumn(r: Reader): Samples {
  const id = String.fromCharCode(...r.bytes(r.u8()));
  const times = r.u8();
  const form = forms[r.u8()];
  const count = r.u32();
  if (times > 1 || form === undefined || count > maxColumnSamples) throw malformed("unknown form, or too many samples");
  const timestamps = times === 0 ? readRegular(r, count) : readExplicit(r, count);
  const values = readValues(r, form, count);
  if (!attributeId.test(id)) throw new ColumnsError("invalid_attribute_id", id);
  return { attributeId: id, timestamps: timestamps(), values };
}

// The times of a column are computed only when all of its bytes are known to be
// there.
function readRegular(r: Reader, count: number): () => Float64Array {
  const origin = r.time();
  const first = Number(r.u64());
  const rate = r.f64();
  return () => {
    const last = first + count;
    if (!(rate > 0) || last >= maxTime || !((last * 1e6) / rate < maxTime)) throw malformed("times out of range");
    return Float64Array.from({ length: count }, (_, i) => regularTime(origin, first + i, rate));
  };
}

function readExplicit(r: Reader, count: number): () => Float64Array {
  let time = r.time();
  const deltas = r.view(4 * count);
  return () => Float64Array.from({ length: count }, (_, i) => (time += deltas.getInt32(4 * i, true)));
}

function readValues(r: Reader, form: Form, count: number): Float64Array {
  const scaled = form === "int16" || form === "int32";
  const baseline = scaled ? r.f64() : 0;
  const gain = scaled ? r.f64() : 1;
  const raw = r.view(sizes[form] * count);
  const read = reader(raw, form);
  const values = new Float64Array(count);
  if (gain === 0 || !Number.isFinite(gain) || !Number.isFinite(baseline)) throw notFinite();
  for (let i = 0; i < count; i++) {
    const v = scaled ? (read(i) - baseline) / gain : read(i);
    if (!Number.isFinite(v)) throw notFinite();
    values[i] = v;
  }
  return values;
}

function reader(raw: DataView, form: Form): (i: number) => number {
  switch (form) {
    case "int16":
      return (i) => raw.getInt16(2 * i, true);
    case "int32":
      return (i) => raw.getInt32(4 * i, true);
    case "float32":
      return (i) => raw.getFloat32(4 * i, true);
    case "float64":
      return (i) => raw.getFloat64(8 * i, true);
  }
}

const malformed = (why: string) => new ColumnsError("invalid_columns", why);
const notFinite = () => new ColumnsError("invalid_payload", "a value is not finite");

/** Reader takes fields off a body and throws where that is too short. */
class Reader {
  #view: DataView;
  #at = 0;

  constructor(body: ArrayBuffer | Uint8Array) {
    this.#view = body instanceof Uint8Array ? new DataView(body.buffer, body.byteOffset, body.byteLength) : new DataView(body);
  }

  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  view(n: number): DataView {
    if (n > this.left) throw malformed("cut off");
    const view = new DataView(this.#view.buffer, this.#view.byteOffset + this.#at, n);
    this.#at += n;
    return view;
  }

  bytes(n: number): Uint8Array {
    const view = this.view(n);
    return new Uint8Array(view.buffer, view.byteOffset, n);
  }

  u8 = () => this.view(1).getUint8(0);
  u16 = () => this.view(2).getUint16(0, true);
  u32 = () => this.view(4).getUint32(0, true);
  u64 = () => this.view(8).getBigUint64(0, true);
  f64 = () => this.view(8).getFloat64(0, true);

  time(): number {
    const time = Number(this.view(8).getBigInt64(0, true));
    if (Math.abs(time) > maxTime) throw malformed("origin out of range");
    return time;
  }
}

/** Encodes a body. A column whose times are too far apart becomes several. */
export function encodeColumns(header: Header, columns: Column[]): ArrayBuffer {
  const pieces = columns.flatMap(split);
  const w = new Writer();
  const flags = (header.stream === undefined ? 0 : 1) | (header.lagged ? 2 : 0);
  w.u8(columnsVersion);
  w.u8(flags);
  if (header.stream !== undefined) {
    for (const pair of header.stream.replaceAll("-", "").match(/../g) ?? []) w.u8(parseInt(pair, 16));
    w.i64(header.seq ?? 0n);
  }
  if (header.lagged) w.u32(header.lagged);
  if (pieces.length > 0xffff) throw malformed("too many columns");
  w.u16(pieces.length);
  for (const piece of pieces) writeColumn(w, piece);
  const body = w.finish();
  decodeColumns(body); // the check that cannot disagree with the reader
  return body;
}

const valuesOf = (c: Values) => ("raw" in c ? c.raw : c.values);

function split(c: Column): Column[] {
  if (c.times === "regular") return [c];
  const all = Array.from(c.timestamps);
  if (all.length !== valuesOf(c).length) throw malformed("other numbers of timestamps than of values");
  const pieces: Column[] = [];
  let from = 0;
  for (let i = 1; i <= all.length; i++) {
    const delta = (all[i] ?? Infinity) - (all[i - 1] ?? 0);
    if (-maxDelta <= delta && delta < maxDelta) continue;
    pieces.push(slice(c, all, from, i));
    from = i;
  }
  return pieces.length > 0 ? pieces : [c];
}

function slice(c: Column, timestamps: number[], from: number, to: number): Column {
  const times = { attributeId: c.attributeId, times: "explicit", timestamps: timestamps.slice(from, to) } as const;
  const part = Array.from(valuesOf(c)).slice(from, to);
  return "raw" in c ? { ...times, form: c.form, raw: part, baseline: c.baseline, gain: c.gain } : { ...times, form: c.form, values: part };
}

function writeColumn(w: Writer, c: Column): void {
  const values = valuesOf(c);
  w.u8(c.attributeId.length);
  for (const char of c.attributeId) w.u8(char.charCodeAt(0));
  w.u8(c.times === "regular" ? 0 : 1);
  w.u8(forms.indexOf(c.form));
  w.u32(values.length);
  if (c.times === "regular") {
    w.i64(BigInt(c.origin));
    w.i64(BigInt(c.first));
    w.f64(c.rate);
  } else {
    let previous = c.timestamps[0] ?? 0;
    w.i64(BigInt(previous));
    for (const time of Array.from(c.timestamps)) {
      w.i32(time - previous);
      previous = time;
    }
  }
  if ("raw" in c) {
    w.f64(c.baseline);
    w.f64(c.gain);
  }
  for (const v of Array.from(values)) w.value(c.form, v);
}

/** Writer appends fields to a buffer that grows. */
class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  #room(n: number): number {
    if (this.#at + n > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    const at = this.#at;
    this.#at += n;
    return at;
  }

  #set(n: number, set: (view: DataView, at: number) => void): void {
    const at = this.#room(n);
    set(this.#view, at);
  }

  u8 = (v: number) => this.#set(1, (view, at) => view.setUint8(at, v));
  u16 = (v: number) => this.#set(2, (view, at) => view.setUint16(at, v, true));
  u32 = (v: number) => this.#set(4, (view, at) => view.setUint32(at, v, true));
  i32 = (v: number) => this.#set(4, (view, at) => view.setInt32(at, v, true));
  i64 = (v: bigint) => this.#set(8, (view, at) => view.setBigInt64(at, v, true));
  f64 = (v: number) => this.#set(8, (view, at) => view.setFloat64(at, v, true));

  value(form: Form, v: number): void {
    switch (form) {
      case "int16":
        return this.#set(2, (view, at) => view.setInt16(at, v, true));
      case "int32":
        return this.i32(v);
      case "float32":
        return this.#set(4, (view, at) => view.setFloat32(at, v, true));
      case "float64":
        return this.f64(v);
    }
  }

  finish = () => this.#bytes.slice(0, this.#at).buffer;
}

function uuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
