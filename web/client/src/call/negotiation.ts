// The decisions of perfect negotiation (WebRTC, section 10.7), without a connection.

/** Where the negotiation with a peer is. */
export interface Negotiating {
  /** The side that gives way where both make an offer at once. */
  polite: boolean;
  /** An offer of this side is being made: it is not in `signalingState` yet. */
  makingOffer: boolean;
  signalingState: RTCSignalingState;
}

/**
 * What to do with a description of the peer: `apply` it, `rollback` the offer of
 * this side and apply it (which setRemoteDescription does in one), or `ignore` it.
 */
export type Decision = "apply" | "rollback" | "ignore";

/** How often an offer of a peer met an own one, and whose was dropped. */
export interface Collisions {
  /** The peer's offer was ignored: this side is the impolite one. */
  readonly ignored: number;
  /** The own offer was taken back. */
  readonly rolledBack: number;
}

/** Which of two peers is the polite one: both come to the same result. */
export const isPolite = (own: string, other: string): boolean => own < other;

/** Signals of a peer are applied one after the other: an answer before this one is not on its way any more. */
export function decide(at: Negotiating, type: RTCSdpType): Decision {
  if (type === "answer") return at.signalingState === "have-local-offer" ? "apply" : "ignore"; // the answer to an offer that was rolled back
  if (!at.makingOffer && at.signalingState === "stable") return "apply";
  return at.polite ? "rollback" : "ignore";
}

/** How the media to and from a peer are. */
export type LinkState = "connecting" | "connected" | "interrupted";

/** The state of a link. One that is connected once is interrupted from then on, not connecting. */
export function linkState(state: RTCPeerConnectionState, connectedBefore: boolean): LinkState {
  if (state === "connected") return "connected";
  return connectedBefore || state === "failed" ? "interrupted" : "connecting";
}

/**
 * In how many ms ICE is restarted, or undefined where nothing is wrong. A link that
 * is disconnected often comes back by itself, so it is given a second.
 */
export function restartDelay(state: RTCPeerConnectionState, restarts: number): number | undefined {
  if (state !== "disconnected" && state !== "failed") return undefined;
  const first = state === "failed" ? 0 : 1000;
  return restarts === 0 ? first : Math.min(1000 * 2 ** restarts, 8000);
}
