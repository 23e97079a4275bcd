// How much each peer of a call is sent, in bit/s. Everybody sends to everybody, so
// the upload is the sum.

/** What one peer is sent at most. */
export interface Bitrates {
  audio: number;
  video: number;
  screen: number;
}

const speech = 32_000;
const music = 128_000;
const minVideo = 80_000; // below this a picture helps nobody
const maxVideo = 1_500_000;
const maxScreen = 2_500_000;

export interface Sending {
  /** How many others there are. */
  others: number;
  video: boolean;
  screen: boolean;
  /** Sound without echo cancellation and noise suppression. */
  music?: boolean;
}

/** Shares an upload between the other peers: audio first, then a screen, then the camera. */
export function bitrates(upload: number, sending: Sending): Bitrates {
  const audio = sending.music ? music : speech;
  const pictures = Math.max(0, upload / Math.max(1, sending.others) - audio);
  const screen = sending.screen ? clamp(pictures * (sending.video ? 0.7 : 1), maxScreen) : 0;
  const video = sending.video ? clamp(pictures - screen, maxVideo) : 0;
  return { audio, video, screen };
}

const clamp = (bitsPerSecond: number, max: number) => Math.round(Math.min(max, Math.max(minVideo, bitsPerSecond)));
