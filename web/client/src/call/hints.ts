import { isObject } from "../guards.js";
import type { Shown } from "./bitrates.js";

/** What two peers tell each other beside the media, over a data channel: it is nobody else's business. */
export interface Hints {
  /** How high this side shows what it gets. */
  shown?: Shown;
  /** Another number than before asks for a whole picture of camera and screen: media had not come for a while. */
  keyFrame?: number;
}

/** Who says nothing shows everything: other clients need not know of this. */
export const everything: Shown = { video: 720, screen: 720 };

const size = (value: unknown, otherwise: number): number => (typeof value === "number" && value >= 0 && value < 10_000 ? value : otherwise);

/** Reads what the peer said; what makes no sense is left out. */
export function readHints(data: unknown): Hints {
  let value: unknown;
  try {
    value = typeof data === "string" ? JSON.parse(data) : undefined;
  } catch {
    return {};
  }
  if (!isObject(value)) return {};
  const { shown, keyFrame } = value;
  return {
    ...(isObject(shown) && { shown: { video: size(shown["video"], everything.video), screen: size(shown["screen"], everything.screen) } }),
    ...(typeof keyFrame === "number" && { keyFrame }),
  };
}

export const writeHints = (hints: Hints): string => JSON.stringify(hints);
