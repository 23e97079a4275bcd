// Guards at the edge: what comes from outside is looked at before it has a type.

import type { ActivityStatus, AttentionLevel, Attribute, LoadLevel, Sample, Sensor } from "./types.js";

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value where it is an object, else an empty one. */
export const object = (value: unknown): Json => (isObject(value) ? value : {});
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const number = (value: unknown): number => (typeof value === "number" ? value : 0);
export const texts = (value: unknown): string[] => list(value).filter((v) => typeof v === "string");

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((v) => v === value);
}

const levels = ["high", "medium", "low", "none"] as const;
const loads = ["normal", "elevated", "high", "critical"] as const;
const activities = ["online", "idle", "offline", "unknown"] as const;

export const attentionLevel = (value: unknown): AttentionLevel | undefined => oneOf(levels, value);
export const loadLevel = (value: unknown): LoadLevel | undefined => oneOf(loads, value);
const activity = (value: unknown): ActivityStatus => oneOf(activities, value) ?? "unknown";

function lastValue(value: unknown): Sample | null {
  return isObject(value) && "payload" in value ? { payload: value["payload"], timestamp: number(value["timestamp"]) } : null;
}

function attribute(value: unknown): Attribute {
  const a = object(value);
  return {
    id: text(a["id"]),
    attribute_name: text(a["attribute_name"]),
    attribute_type: text(a["attribute_type"]),
    unit: text(a["unit"]),
    sampling_rate: number(a["sampling_rate"]),
    last_value: lastValue(a["last_value"]),
  };
}

export function sensor(value: unknown): Sensor {
  const s = object(value);
  return {
    sensor_id: text(s["sensor_id"]),
    sensor_name: text(s["sensor_name"]),
    sensor_type: text(s["sensor_type"]),
    connector_id: text(s["connector_id"]),
    connector_name: text(s["connector_name"]),
    ...(s["owner_name"] !== undefined && { owner_name: text(s["owner_name"]) }),
    activity_status: activity(s["activity_status"]),
    sampling_rate: number(s["sampling_rate"]),
    attributes: list(s["attributes"]).map(attribute),
    ...(typeof s["shared_by"] === "string" && { shared_by: s["shared_by"] }),
    ...(s["truncated"] === true && { truncated: true }),
  };
}

export const sensors = (value: unknown): Sensor[] => list(value).map(sensor);
