import { type Column, encodeColumns } from "../columns.js";
import type { Batch } from "../outbox/log.js";
import type { Block } from "../outbox/store.js";

type NumberBlock = Extract<Block, { values: Float64Array }>;

/** The payload of the push that sends a batch: columns of numbers, or documents as JSON. */
export function encodeBatch(batch: Batch): object {
  const numbers = batch.blocks.filter((block): block is NumberBlock => "values" in block);
  if (numbers.length === batch.blocks.length) {
    return encodeColumns({ stream: batch.stream, seq: BigInt(batch.streamSeq) }, byAttribute(numbers).map(column));
  }
  return { stream: batch.stream, seq: batch.streamSeq, measurements: batch.blocks.flatMap(measurements) };
}

/** Joins the blocks of each attribute: the order within an attribute is what counts. */
function byAttribute(blocks: NumberBlock[]): NumberBlock[] {
  const joined = new Map<string, NumberBlock[]>();
  for (const block of blocks) joined.set(block.attributeId, [...(joined.get(block.attributeId) ?? []), block]);
  return [...joined].map(([attributeId, parts]) => ({
    attributeId,
    times: concat(parts.map((p) => p.times)),
    values: concat(parts.map((p) => p.values)),
  }));
}

function concat(parts: Float64Array[]): Float64Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const all = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function column({ attributeId, times, values }: NumberBlock): Column {
  const timestamps = new Float64Array(times.length);
  for (let i = 0; i < times.length; i++) timestamps[i] = Math.round(times[i]! * 1000);
  return { attributeId, times: "explicit", timestamps, form: isNarrow(values) ? "float32" : "float64", values };
}

/** Whether float32 holds all the values exactly. */
function isNarrow(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (Math.fround(values[i]!) !== values[i]) return false;
  return true; // also for −0, which is itself in both
}

function measurements(block: Block): object[] {
  const payloads: ArrayLike<unknown> = "values" in block ? block.values : block.payloads;
  return Array.from(block.times, (timestamp, i) => ({ attribute_id: block.attributeId, payload: payloads[i], timestamp: round(timestamp) }));
}

/** Whole µs, so that both encodings mean the same time. */
const round = (ms: number) => Math.round(ms * 1000) / 1000;
