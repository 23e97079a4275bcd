import type { components } from "./api.gen.js";

type Schemas = components["schemas"];

/** How closely somebody looks at a sensor. */
export type AttentionLevel = "high" | "medium" | "low" | "none";

export type LoadLevel = "normal" | "elevated" | "high" | "critical";

export type ActivityStatus = "online" | "idle" | "offline" | "unknown";

/** One measured value as JSON. Times are Unix time in ms; decimals are µs. */
export interface Sample {
  payload: unknown;
  timestamp: number;
}

/** One measured quantity of a sensor. Field names are those of the wire. */
export interface Attribute {
  id: string;
  attribute_name: string;
  attribute_type: string;
  unit: string;
  /** Hz, 0 where unknown. */
  sampling_rate: number;
  last_value: Sample | null;
}

/** A data source. Field names are those of the wire. */
export interface Sensor {
  sensor_id: string;
  sensor_name: string;
  sensor_type: string;
  connector_id: string;
  connector_name: string;
  /** What the owner is called, where that is a person. */
  owner_name?: string;
  activity_status: ActivityStatus;
  /** Hz, 0 where unknown. */
  sampling_rate: number;
  attributes: Attribute[];
  /** In a room: the id of the user who shared it there. */
  shared_by?: string;
  /** The attributes did not fit into the answer: get them over HTTP. */
  truncated?: boolean;
}

export type Role = "owner" | "admin" | "member" | "guest";

/** A room. Field names are those of the wire. */
export interface Room {
  id: string;
  name: string;
  description: string;
  owner_id: string;
  is_public: boolean;
  created_at: string;
  member_count: number;
  sensors: Sensor[];
  settings: unknown;
  version: number;
  /** The asker's role, where the asker is a member. */
  role?: Role;
  /** For members only. */
  join_code?: string;
  join_link?: string;
  code_expires_at?: string;
}

export type Member = Schemas["Member"];
export type RoomRecording = Schemas["RoomRecording"];
export type Notification = Schemas["Notification"];
export type Invitation = Schemas["Invitation"];
export type User = Schemas["User"];

/** Samples of one attribute, in order. Times are Unix time in ms; decimals are µs. */
export interface SampleColumns {
  times: Float64Array;
  values: Float64Array;
}

/** Samples that are no numbers, in order. */
export interface DocumentColumns {
  times: Float64Array;
  payloads: unknown[];
}

/** Buckets that stand for several samples each: exact counts, minima and maxima. */
export interface BucketColumns {
  /** Time of the first sample of each bucket, and of the last. */
  from: Float64Array;
  to: Float64Array;
  min: Float64Array;
  max: Float64Array;
  mean: Float64Array;
  first: Float64Array;
  last: Float64Array;
  count: Float64Array;
}

/** A run of equal things of one attribute, in order. */
export type Run = ({ kind: "samples" } & SampleColumns) | ({ kind: "buckets" } & BucketColumns) | ({ kind: "documents" } & DocumentColumns);

/** What a viewer is given: a run of one attribute of one sensor. */
export type Chunk = Run & {
  sensorId: string;
  attributeId: string;
  /** `history`: measured before, read back. `live`: as it came. */
  source: "history" | "live";
};

/** One measurement of a device. */
export interface Measurement {
  attribute_id: string;
  /** A finite number, or any other JSON value of up to 64 KiB. */
  payload: unknown;
  /** Unix time in ms; decimals are µs. */
  timestamp: number;
}

/** What the server asks a device for. */
export interface Backpressure {
  attentionLevel: AttentionLevel;
  /** Send when so many measurements wait, … */
  batchSize: number;
  /** … or when the oldest waits for so many ms, whichever comes first. */
  batchWindow: number;
  /** Send nothing until this is false again. */
  paused: boolean;
  loadLevel: LoadLevel;
}
