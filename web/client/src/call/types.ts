// What a call tells, and what it is told.

import type { Media } from "./media.js";
import type { LinkState } from "./negotiation.js";
import type { Quality } from "./quality.js";

export interface CallOptions {
  /** What is sent from the beginning; setTrack changes it. */
  audio?: MediaStreamTrack;
  video?: MediaStreamTrack;
  /** `relay` sends media over TURN servers alone, so that peers do not see one's address. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** What may be uploaded to all peers together, in bit/s; 4 Mbit/s by default. */
  upload?: number;
  /** The sound is music or breathing: a higher bit rate. */
  music?: boolean;
}

/** Another one in the call. A person with two devices is two peers. */
export interface CallPeer {
  readonly peerId: string;
  readonly userId: string;
  readonly name: string;
  readonly media: Media;
  readonly state: LinkState;
  /** Microphone and camera; the same object as long as the peer is there. */
  readonly stream: MediaStream;
  readonly screen: MediaStream;
  /** How well its media arrive; undefined while they do not. */
  readonly quality: Quality | undefined;
}

/** `reconnecting`: the server cannot be reached; media go on, and nobody can join. */
export type CallState = "joining" | "joined" | "reconnecting" | "ended";

export interface CallEvents {
  state: CallState;
  /** Peers came or went, or what they send or how it arrives has changed. */
  peers: void;
  /** What oneself sends has changed, also because a device was unplugged or the sharing of the screen stopped. */
  media: Media;
  /**
   * The call is over for this peer: a ReplyError with the reason `call_full` and the
   * `limit` in its response, or `unauthorized`, or a ReplacedError where another
   * device or page of the same person has taken the place, or a ClosedError where the
   * right to be in the room has ended.
   */
  ended: Error;
}

/** Another device or page of the same person has taken the place in the call. */
export class ReplacedError extends Error {
  override readonly name = "ReplacedError";
}
