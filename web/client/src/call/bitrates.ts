// How much each peer of a call is sent, in bit/s. Everybody sends to everybody, so
// the upload is the sum.

/** How high a peer shows what it is sent, in pixels of its screen; 0 where it does not. */
export interface Shown {
  video: number;
  screen: number;
}

/** What one peer is sent at most; 0 is nothing. */
export interface Bitrates {
  audio: number;
  video: number;
  screen: number;
  /** How high the picture of the camera needs to be. */
  height: number;
}

/** What oneself sends. */
export interface Sending {
  video: boolean;
  screen: boolean;
  /** Sound without echo cancellation and noise suppression. */
  music?: boolean;
}

const speech = 32_000;
const music = 128_000;
const leastAudio = 12_000; // below this Opus cannot be understood
const leastPicture = 60_000; // below this a picture helps nobody
const maxScreen = 2_500_000;
const screenShare = 0.7; // of what pictures get, where a camera is sent too

// What the picture of a camera takes, by its height.
const sizes = [
  { height: 180, bitrate: 150_000 },
  { height: 360, bitrate: 500_000 },
  { height: 720, bitrate: 1_500_000 },
] as const;

const sizeFor = (height: number) => sizes.find((s) => s.height >= height) ?? sizes[2];

/** Shares an upload between the other peers: audio first, then a screen, then the camera, and nothing that is not looked at. */
export function bitrates(upload: number, peers: readonly Shown[], sending: Sending): Bitrates[] {
  const n = Math.max(1, peers.length);
  const audio = Math.round(Math.max(leastAudio, Math.min(sending.music ? music : speech, upload / n)));
  const pictures = Math.max(0, upload - n * audio);
  const screens = peers.map((p) => (sending.screen && p.screen > 0 ? maxScreen : 0));
  const videos = peers.map((p) => (sending.video && p.video > 0 ? sizeFor(p.video).bitrate : 0));
  const screen = divide(pictures * (sum(videos) > 0 ? screenShare : 1), screens);
  const video = divide(pictures - sum(screen), videos);
  return peers.map((p, i) => ({ audio, video: video[i] ?? 0, screen: screen[i] ?? 0, height: sizeFor(p.video).height }));
}

/** Gives each what it wants, or its part of it. */
function divide(whole: number, wants: readonly number[]): number[] {
  const part = Math.min(1, whole / Math.max(1, sum(wants)));
  return wants.map((want) => (want * part < leastPicture ? 0 : Math.floor(want * part)));
}

const sum = (list: readonly number[]) => list.reduce((total, n) => total + n, 0);

/** What one link says of the way out. */
export interface Uplink {
  /** What the browser reckons that it can send on this link, in bit/s; 0 where it does not know. */
  available: number;
  /** It sends less than it would like to, because more does not get through. */
  limited: boolean;
}

const headroom = 1.5; // a browser finds out that more gets through only where it may send more
const leastPerPeer = 100_000;

/** The upload that is shared next: little more than what was measured, where that is less than what is allowed, and more each time that it suffices. */
export function nextUpload(now: number, allowed: number, links: readonly Uplink[]): number {
  const known = links.filter((l) => l.available > 0);
  if (known.some((l) => l.limited)) return Math.min(allowed, Math.max(leastPerPeer * known.length, headroom * sum(known.map((l) => l.available))));
  return Math.min(allowed, now * 1.25);
}
