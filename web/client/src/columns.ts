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
    const times = new Float64Array(count);
    for (let i = 0; i < count; i++) times[i] = regularTime(origin, first + i, rate);
    return times;
  };
}

function readExplicit(r: Reader, count: number): () => Float64Array {
  let time = r.time();
  const deltas = r.view(4 * count);
  return () => {
    const times = new Float64Array(count);
    for (let i = 0; i < count; i++) times[i] = time += deltas.getInt32(4 * i, true);
    return times;
  };
}

function readValues(r: Reader, form: Form, count: number): Float64Array {
  if (form === "float32" || form === "float64") return finite(readFloats(r, form, count));
  const baseline = r.f64();
  const gain = r.f64();
  const values = readIntegers(r, form, count);
  if (gain === 0 || !Number.isFinite(gain) || !Number.isFinite(baseline)) throw notFinite();
  for (let i = 0; i < count; i++) values[i] = (values[i]! - baseline) / gain;
  return finite(values);
}

// One loop for each form: a call for each sample would cost more than the sample.
function readFloats(r: Reader, form: "float32" | "float64", count: number): Float64Array {
  const raw = r.view(sizes[form] * count);
  const values = new Float64Array(count);
  if (form === "float32") for (let i = 0; i < count; i++) values[i] = raw.getFloat32(4 * i, true);
  else for (let i = 0; i < count; i++) values[i] = raw.getFloat64(8 * i, true);
  return values;
}

function readIntegers(r: Reader, form: "int16" | "int32", count: number): Float64Array {
  const raw = r.view(sizes[form] * count);
  const values = new Float64Array(count);
  if (form === "int16") for (let i = 0; i < count; i++) values[i] = raw.getInt16(2 * i, true);
  else for (let i = 0; i < count; i++) values[i] = raw.getInt32(4 * i, true);
  return values;
}

function finite(values: Float64Array): Float64Array {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) throw notFinite();
  return values;
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
  if (pieces.length > 0xffff) throw malformed("too many columns");
  const w = new Writer(pieces.reduce((n, piece) => n + sizeOf(piece), 32));
  w.u8(columnsVersion);
  w.u8((header.stream === undefined ? 0 : 1) | (header.lagged ? 2 : 0));
  if (header.stream !== undefined) {
    for (const pair of header.stream.replaceAll("-", "").match(/../g) ?? []) w.u8(parseInt(pair, 16));
    w.i64(header.seq ?? 0n);
  }
  if (header.lagged) w.u32(header.lagged);
  w.u16(pieces.length);
  for (const piece of pieces) writeColumn(w, piece);
  const body = w.finish();
  decodeColumns(body); // the check that cannot disagree with the reader
  return body;
}

const valuesOf = (c: Values) => ("raw" in c ? c.raw : c.values);

/** At most so many bytes are written for a column. */
function sizeOf(c: Column): number {
  return 64 + c.attributeId.length + (4 + sizes[c.form]) * valuesOf(c).length;
}

function split(c: Column): Column[] {
  if (c.times === "regular") return [c];
  const all = c.timestamps;
  if (all.length !== valuesOf(c).length) throw malformed("other numbers of timestamps than of values");
  const pieces: Column[] = [];
  let from = 0;
  for (let i = 1; i <= all.length; i++) {
    const delta = i < all.length ? all[i]! - all[i - 1]! : Infinity;
    if (-maxDelta <= delta && delta < maxDelta) continue;
    pieces.push(from === 0 && i === all.length ? c : slice(c, all, from, i));
    from = i;
  }
  return pieces.length > 0 ? pieces : [c];
}

function slice(c: Column, timestamps: ArrayLike<number>, from: number, to: number): Column {
  const times = { attributeId: c.attributeId, times: "explicit", timestamps: Array.from(timestamps).slice(from, to) } as const;
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
    w.i64(BigInt(c.timestamps[0] ?? 0));
    w.deltas(c.timestamps);
  }
  if ("raw" in c) {
    w.f64(c.baseline);
    w.f64(c.gain);
  }
  w.values(c.form, values);
}

/** Writer puts fields into a buffer that is large enough. */
class Writer {
  #view: DataView<ArrayBuffer>;
  #at = 0;

  constructor(size: number) {
    this.#view = new DataView(new ArrayBuffer(size));
  }

  /** Reserves n bytes and returns where they begin. */
  #take(n: number): number {
    const at = this.#at;
    this.#at += n;
    return at;
  }

  u8 = (v: number) => this.#view.setUint8(this.#take(1), v);
  u16 = (v: number) => this.#view.setUint16(this.#take(2), v, true);
  u32 = (v: number) => this.#view.setUint32(this.#take(4), v, true);
  i64 = (v: bigint) => this.#view.setBigInt64(this.#take(8), v, true);
  f64 = (v: number) => this.#view.setFloat64(this.#take(8), v, true);

  deltas(times: ArrayLike<number>): void {
    const view = this.#view;
    const at = this.#take(4 * times.length);
    for (let i = 1; i < times.length; i++) view.setInt32(at + 4 * i, times[i]! - times[i - 1]!, true);
  }

  values(form: Form, values: ArrayLike<number>): void {
    const view = this.#view;
    const n = values.length;
    const at = this.#take(sizes[form] * n);
    switch (form) {
      case "int16":
        for (let i = 0; i < n; i++) view.setInt16(at + 2 * i, values[i]!, true);
        return;
      case "int32":
        for (let i = 0; i < n; i++) view.setInt32(at + 4 * i, values[i]!, true);
        return;
      case "float32":
        for (let i = 0; i < n; i++) view.setFloat32(at + 4 * i, values[i]!, true);
        return;
      case "float64":
        for (let i = 0; i < n; i++) view.setFloat64(at + 8 * i, values[i]!, true);
    }
  }

  finish = () => this.#view.buffer.slice(0, this.#at);
}

function uuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
