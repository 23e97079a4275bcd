import type { Api } from "./api.js";
import { answerOf } from "./api.js";
import type { BucketColumns, DocumentColumns, Run, SampleColumns } from "./types.js";
import { readRuns } from "./viewer/runs.js";

export interface HistoryQuery {
  /** Unix time in ms; by default as far as there are samples. `to` is exclusive. */
  from?: number;
  to?: number;
  /** How many buckets or points at most: about one for each pixel. 1,000 by default, 10,000 at most. */
  maxBuckets?: number;
  /** The least width of a bucket in ms; `auto` is as fine as maxBuckets allows, and samples where they are no more. */
  resolution?: "auto" | number;
  /** `lttb`: points that make about the same line. */
  method?: "buckets" | "lttb";
  /** A number in the measurements where these are documents, such as `x`: always as buckets, or points of these. */
  field?: string;
  signal?: AbortSignal;
}

/** What a trace is drawn from. */
export interface History {
  /** Of the buckets, in ms; 0 where there are samples. */
  width: number;
  /** What the answer covers: multiples of the width around what was asked for. */
  from: number;
  to: number;
  /** How many samples in between are no numbers; they are in no bucket. */
  documents: number;
  /** What the runs are: `buckets`, all `samples`, or points that were chosen. */
  points: "buckets" | "samples" | "lttb_of_samples" | "lttb_of_buckets";
  runs: Run[];
}

export interface SamplesQuery {
  from?: number;
  to?: number;
  /** Samples in a page, up to 50,000; 10,000 by default. */
  pageSize?: number;
  signal?: AbortSignal;
}

/** Reads what a trace of a time is drawn from. */
export async function readHistory(api: Api, sensorId: string, attributeId: string, q: HistoryQuery): Promise<History> {
  const answer = await answerOf(
    api.GET("/api/v1/sensors/{id}/attributes/{attribute}/history", {
      params: {
        path: { id: sensorId, attribute: attributeId },
        query: {
          from: q.from,
          to: q.to,
          max_buckets: q.maxBuckets,
          resolution: typeof q.resolution === "number" ? `${Math.round(q.resolution * 1000)}us` : q.resolution,
          method: q.method,
          field: q.field,
        },
      },
      signal: q.signal,
    }),
    `history of ${sensorId} ${attributeId}`,
  );
  const { width, from, to, documents } = answer;
  const points = answer.points === "" ? "buckets" : answer.points;
  return { width, from, to, documents, points, runs: readRuns(points === "buckets" ? answer.buckets : answer.measurements) };
}

/** Reads every sample of a time, page by page. The pages of one read are a snapshot. */
export async function* readSamples(
  api: Api,
  sensorId: string,
  attributeId: string,
  { from, to, pageSize = 10_000, signal }: SamplesQuery,
): AsyncGenerator<Run[], void, undefined> {
  let next: string | undefined;
  do {
    const page = await answerOf(
      api.GET("/api/v1/sensors/{id}/attributes/{attribute}/measurements", {
        params: { path: { id: sensorId, attribute: attributeId }, query: { from, to, limit: pageSize, next } },
        signal,
      }),
      `measurements of ${sensorId} ${attributeId}`,
    );
    yield readRuns(page.measurements);
    next = page.next ?? undefined;
  } while (next);
}

/** One step of a zoom: the runs as one envelope, whatever they are. */
export function envelope(runs: readonly Run[]): BucketColumns {
  const columns = runs.filter((run): run is Exclude<Run, { kind: "documents" } & DocumentColumns> => run.kind !== "documents");
  const parts = columns.map((run) => (run.kind === "buckets" ? run : bucketsOf(run)));
  const join = (key: keyof BucketColumns) => {
    const all = new Float64Array(parts.reduce((n, p) => n + p.from.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part[key], at);
      at += part[key].length;
    }
    return all;
  };
  return {
    from: join("from"),
    to: join("to"),
    min: join("min"),
    max: join("max"),
    mean: join("mean"),
    first: join("first"),
    last: join("last"),
    count: join("count"),
  };
}

/** Each sample as a bucket of its own. */
function bucketsOf({ times, values }: SampleColumns): BucketColumns {
  const count = new Float64Array(times.length).fill(1);
  return { from: times, to: times, min: values, max: values, mean: values, first: values, last: values, count };
}
