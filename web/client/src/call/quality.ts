import type { Uplink } from "./bitrates.js";

// How well media of a peer arrive, from what RTCPeerConnection.getStats reports.

/** What a connection has counted so far. */
export interface Counted {
  /** Packets that came and that were lost, of sound and pictures together. */
  received: number;
  lost: number;
  framesDecoded: number;
  /** When, in ms. */
  at: number;
  /** Size of the largest picture in pixels, 0 where there is none. */
  width: number;
  height: number;
  /** Of the peer's sound, 0 to 1. */
  audioLevel: number;
  /** There and back, in ms. */
  roundTrip?: number | undefined;
  /** Media take the way over a TURN server. */
  relayed: boolean;
  /** Of the largest picture: frames, and how many seconds they took from their first packet to the decoder's end, together. */
  frames: number;
  processing: number;
  uplink: Uplink;
}

export type Rating = "good" | "fair" | "poor";

export interface Quality {
  rating: Rating;
  /** The share of packets that were lost since the last time, 0 to 1. */
  loss: number;
  /** There and back, in ms; undefined while it is not known. */
  roundTrip?: number | undefined;
  width: number;
  height: number;
  framesPerSecond: number;
  audioLevel: number;
  relayed: boolean;
  /** How long a frame is on its way, in ms, without what the camera and the encoder take; undefined where nothing comes. */
  pictureAge?: number | undefined;
}

type Stat = Readonly<Record<string, unknown>>;

/** Sums up a report of getStats. */
export function count(report: Iterable<Stat>): Counted {
  const stats = [...report];
  const byId = new Map(stats.map((s) => [s["id"], s]));
  const inbound = stats.filter((s) => s["type"] === "inbound-rtp");
  const largest = inbound.reduce<Stat>((max, s) => (area(s) > area(max) ? s : max), {});
  const pair = byId.get(stats.find((s) => s["type"] === "transport")?.["selectedCandidatePairId"]) ?? {};
  const ends = [byId.get(pair["localCandidateId"]), byId.get(pair["remoteCandidateId"])];
  const trip = pair["currentRoundTripTime"];
  return {
    received: sum(inbound, "packetsReceived"),
    lost: sum(inbound, "packetsLost"),
    framesDecoded: sum(inbound, "framesDecoded"),
    at: Math.max(0, ...inbound.map((s) => number(s["timestamp"]))),
    width: number(largest["frameWidth"]),
    height: number(largest["frameHeight"]),
    audioLevel: Math.max(0, ...inbound.map((s) => number(s["audioLevel"]))),
    roundTrip: typeof trip === "number" ? trip * 1000 : undefined,
    relayed: ends.some((end) => end?.["candidateType"] === "relay"),
    frames: number(largest["framesDecoded"]),
    processing: number(largest["totalProcessingDelay"]),
    uplink: {
      available: number(pair["availableOutgoingBitrate"]),
      limited: stats.some((s) => s["type"] === "outbound-rtp" && s["qualityLimitationReason"] === "bandwidth"),
    },
  };
}

/** The quality between two counts. */
export function qualityOf(before: Counted | undefined, now: Counted): Quality {
  const since = (key: "received" | "lost" | "framesDecoded") => Math.max(0, now[key] - (before?.[key] ?? 0));
  const [received, lost] = [since("received"), since("lost")];
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const quality = {
    loss: received + lost > 0 ? lost / (received + lost) : 0,
    roundTrip: now.roundTrip,
    width: now.width,
    height: now.height,
    framesPerSecond: seconds > 0 ? since("framesDecoded") / seconds : 0,
    audioLevel: now.audioLevel,
    relayed: now.relayed,
    pictureAge: age(before, now),
  };
  return { rating: rate(quality.loss, quality.roundTrip ?? 0), ...quality };
}

function age(before: Counted | undefined, now: Counted): number | undefined {
  const frames = now.frames - (before?.frames ?? 0);
  const seconds = now.processing - (before?.processing ?? 0);
  return frames > 0 && seconds >= 0 ? (now.roundTrip ?? 0) / 2 + (seconds * 1000) / frames : undefined;
}

// A conversation stumbles from 400 ms there and back (ITU-T G.114: 150 ms one way is
// good, 400 ms the limit); Opus conceals a loss of few percent.
function rate(loss: number, roundTrip: number): Rating {
  if (loss > 0.08 || roundTrip > 800) return "poor";
  if (loss > 0.02 || roundTrip > 300) return "fair";
  return "good";
}

const number = (value: unknown): number => (typeof value === "number" ? value : 0);
const sum = (stats: Stat[], key: string): number => stats.reduce((n, s) => n + number(s[key]), 0);
const area = (s: Stat): number => number(s["frameWidth"]) * number(s["frameHeight"]);
