import { type Json } from "../guards.js";
import { type MediaKind, mediaKinds, type Tracks } from "./link.js";

/** What somebody sends at present. */
export type Media = Readonly<Record<MediaKind, boolean>>;

/** Reads what the server says that a peer sends. */
export const mediaOf = (p: Json): Media => ({ audio: p["audio"] === true, video: p["video"] === true, screen: p["screen"] === true });

/** The tracks that this peer sends: which there are, and which are muted. */
export class OwnMedia {
  #tracks: Tracks = { audio: null, video: null, screen: null };
  #muted: Media = { audio: false, video: false, screen: false };
  #watching = new Map<MediaKind, () => void>();
  #ended: (kind: MediaKind) => void;

  /** ended is called when a track has ended by itself: the device was unplugged, or the sharing of the screen stopped. */
  constructor(ended: (kind: MediaKind) => void) {
    this.#ended = ended;
  }

  get tracks(): Tracks {
    return this.#tracks;
  }

  /** The tracks that links send: a muted microphone none, so that who only listens costs nobody a packet. A muted picture is black. */
  get sent(): Tracks {
    return this.#muted.audio ? { ...this.#tracks, audio: null } : this.#tracks;
  }

  /** What is sent: tracks that live and are not muted. */
  get media(): Media {
    const sends = (kind: MediaKind) => this.#tracks[kind]?.readyState === "live" && !this.#muted[kind];
    return { audio: sends("audio"), video: sends("video"), screen: sends("screen") };
  }

  set(kind: MediaKind, track: MediaStreamTrack | null): void {
    this.#stopWatching(kind);
    this.#tracks = { ...this.#tracks, [kind]: track };
    this.#enable(kind);
    if (!track) return;
    const ended = () => this.#ended(kind);
    track.addEventListener("ended", ended);
    this.#watching.set(kind, () => track.removeEventListener("ended", ended));
  }

  mute(kind: MediaKind, muted: boolean): void {
    this.#muted = { ...this.#muted, [kind]: muted };
    this.#enable(kind);
  }

  /** Lets go of the tracks, which are left as they are. */
  close(): void {
    for (const kind of mediaKinds) this.#stopWatching(kind);
  }

  #enable(kind: MediaKind): void {
    const track = this.#tracks[kind];
    if (track) track.enabled = !this.#muted[kind];
  }

  #stopWatching(kind: MediaKind): void {
    this.#watching.get(kind)?.();
    this.#watching.delete(kind);
  }
}
