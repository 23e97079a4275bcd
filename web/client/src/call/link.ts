import { NoReplyError, ReplyError } from "../errors.js";
import type { Bitrates, Shown, Uplink } from "./bitrates.js";
import { Gap } from "./gap.js";
import { everything, type Hints } from "./hints.js";
import { HintsChannel } from "./hints-channel.js";
import type { Media } from "./media.js";
import { type Collisions, decide, type Decision, linkState, type LinkState, restartDelay } from "./negotiation.js";
import { count, type Counted, type Quality, qualityOf } from "./quality.js";
import { limit, restart } from "./sender.js";

/** What a peer can send: its microphone, its camera, its screen. */
export type MediaKind = "audio" | "video" | "screen";
export const mediaKinds: readonly MediaKind[] = ["audio", "video", "screen"];

export type Tracks = Readonly<Record<MediaKind, MediaStreamTrack | null>>;

export interface LinkOptions {
  configuration: RTCConfiguration;
  polite: boolean;
  /** Makes the first offer. */
  offers: boolean;
  tracks: Tracks;
  bitrates: Bitrates;
  /** What the peer says that it sends. */
  media: () => Media;
  /** Sends a signal to the peer. */
  signal: (event: "offer" | "answer" | "ice_candidate", payload: object) => Promise<unknown>;
  /** The state or the streams have changed. */
  changed: () => void;
  /** The peer said how high it shows what it gets. */
  shownChanged: () => void;
}

const resendAfter = 1000; // ms

/**
 * The connection to one peer. Its three transceivers are in the order of mediaKinds;
 * tracks come and go within them, so that only a restart of ICE negotiates again.
 */
export class Link {
  /** The peer's microphone and camera. */
  readonly stream = new MediaStream();
  /** The peer's screen. */
  readonly screen = new MediaStream();
  #options: LinkOptions;
  #connection: RTCPeerConnection;
  #tracks: Tracks;
  #bitrates: Bitrates;
  #makingOffer = false;
  #ignoring = false; // the peer's last offer, and with it its candidates
  #signals = Promise.resolve(); // one after the other, and so are
  #sending = Promise.resolve(); // changes of what is sent
  #connectedBefore = false;
  #restarts = 0;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #resend: ReturnType<typeof setTimeout> | undefined;
  #counted: Counted | undefined;
  #collisions: Collisions = { ignored: 0, rolledBack: 0 };
  #hints: HintsChannel;
  #gap = new Gap({ steady: () => this.#steady, silentFor: () => this.#silentFor(), packets: () => this.#packets(), over: () => this.#askForKeyFrames() });

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#tracks = options.tracks;
    this.#bitrates = options.bitrates;
    const c = (this.#connection = new RTCPeerConnection(options.configuration));
    c.addEventListener("negotiationneeded", () => void this.#offer());
    c.addEventListener("icecandidate", ({ candidate }) => this.#sendCandidate(candidate));
    c.addEventListener("connectionstatechange", () => this.#stateChanged());
    c.addEventListener("track", ({ transceiver }) => this.#received(transceiver));
    this.#hints = new HintsChannel(c, options.offers, (before) => this.#hinted(before));
    if (options.offers) for (const kind of mediaKinds) c.addTransceiver(kind === "audio" ? "audio" : "video");
  }

  get state(): LinkState {
    return linkState(this.#connection.connectionState, this.#connectedBefore);
  }

  /** Media have flowed. */
  get connectedBefore(): boolean {
    return this.#connectedBefore;
  }

  /** How high the peer shows what it is sent. */
  get shown(): Shown {
    return this.#hints.heard.shown ?? everything;
  }

  get collisions(): Collisions {
    return this.#collisions;
  }

  get uplink(): Uplink {
    const nothing = { available: 0, limited: false };
    return this.state === "connected" ? (this.#counted?.uplink ?? nothing) : nothing;
  }

  get relayed(): boolean {
    return this.#counted?.relayed ?? false;
  }

  /** How loud the peer is at present, 0 to 1. */
  get level(): number {
    const receiver = this.#transceivers().get("audio")?.receiver;
    const [source] = receiver?.getSynchronizationSources?.() ?? [];
    return source && performance.timeOrigin + performance.now() - source.timestamp < 500 ? (source.audioLevel ?? 0) : 0;
  }

  /** Tells the peer what has changed of the hints. */
  tell(hints: Hints): void {
    this.#hints.tell(hints);
  }

  /** Applies a signal of the peer, after those that came before. */
  receive(event: "description" | "candidate", value: unknown): void {
    const apply = event === "candidate" ? () => this.#candidate(value as RTCIceCandidateInit | null) : () => this.#describe(value as RTCSessionDescriptionInit);
    this.#signals = this.#signals.then(apply).catch((err: unknown) => {
      if (!this.#closed) console.warn("a signal of a peer of the call was not applied:", err);
    });
  }

  async setTracks(tracks: Tracks, bitrates: Bitrates): Promise<void> {
    this.#tracks = tracks;
    this.#bitrates = bitrates;
    await this.#sendTracks();
  }

  /** Looks for a new way to the peer, where media do not flow. */
  restartIfInterrupted(): void {
    if (this.state === "interrupted") this.#restartNow();
  }

  /** How well the peer's media arrive since the last call; undefined while they do not. */
  async quality(): Promise<Quality | undefined> {
    if (this.state !== "connected") return undefined;
    const stats: Record<string, unknown>[] = [];
    (await this.#connection.getStats()).forEach((s) => stats.push(s as Record<string, unknown>));
    const before = this.#counted;
    this.#counted = count(stats);
    return qualityOf(before, this.#counted);
  }

  close(): void {
    clearTimeout(this.#restart);
    clearTimeout(this.#resend);
    this.#gap.close();
    this.#connection.close();
    for (const stream of [this.stream, this.screen]) for (const track of stream.getTracks()) stream.removeTrack(track);
  }

  #hinted(before: Hints): void {
    if (this.#hints.heard.keyFrame !== before.keyFrame) this.#sendKeyFrames();
    this.#options.shownChanged();
  }

  /** Media of the peer come all the time: sound, or a camera that is shown here. */
  get #steady(): boolean {
    const { audio, video } = this.#options.media();
    return audio || (video && (this.#hints.told.shown ?? everything).video > 0);
  }

  /** How long ago the newest media of the peer were played, in ms; undefined where none were lately. */
  #silentFor(): number | undefined {
    const times = this.#connection.getReceivers().flatMap((r) => r.getSynchronizationSources?.().map((s) => s.timestamp) ?? []);
    return times.length > 0 ? performance.timeOrigin + performance.now() - Math.max(...times) : undefined;
  }

  async #packets(): Promise<number> {
    let sum = 0;
    (await this.#connection.getStats()).forEach((s: { type: string; packetsReceived?: number }) => {
      if (s.type === "inbound-rtp") sum += s.packetsReceived ?? 0;
    });
    return sum;
  }

  #askForKeyFrames(): void {
    this.tell({ keyFrame: (this.#hints.told.keyFrame ?? 0) + 1 });
  }

  /** Begins camera and screen anew, which makes the encoder send a whole picture. */
  #sendKeyFrames(): void {
    const began = this.#sending.then(async () => {
      for (const { sender } of this.#connection.getTransceivers()) if (sender.track?.kind === "video") await restart(sender);
    });
    this.#sending = began.catch(() => undefined); // closed, or overtaken by a negotiation
  }

  get #closed(): boolean {
    return this.#connection.signalingState === "closed";
  }

  async #offer(): Promise<void> {
    try {
      this.#makingOffer = true;
      await this.#connection.setLocalDescription();
    } catch (err) {
      if (!this.#closed) console.warn("an offer to a peer of the call was not made:", err);
      return;
    } finally {
      this.#makingOffer = false; // from here on the signaling state tells
    }
    await this.#sendDescription();
  }

  // A description that the server did not take, such as one too many in a second, is
  // sent again, unless it was answered meanwhile. Where the connection broke, the
  // rejoin makes new links.
  async #sendDescription(): Promise<void> {
    const description = this.#connection.localDescription;
    if (description?.type !== "offer" && description?.type !== "answer") return;
    clearTimeout(this.#resend);
    if (description.type === "offer" && this.#connection.signalingState === "stable") return;
    await this.#options.signal(description.type, { description }).catch((err: unknown) => {
      const gone = (err instanceof NoReplyError && err.why === "disconnected") || (err instanceof ReplyError && err.reason === "unknown_peer");
      if (this.#closed || gone) return;
      this.#resend = setTimeout(() => void this.#sendDescription(), resendAfter);
    });
  }

  // A candidate that is lost is one way to the peer less; without any, ICE restarts.
  #sendCandidate(candidate: RTCIceCandidate | null): void {
    this.#options.signal("ice_candidate", { candidate: candidate?.toJSON() ?? null }).catch(() => undefined);
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<void> {
    const c = this.#connection;
    const decision = decide({ polite: this.#options.polite, makingOffer: this.#makingOffer, signalingState: c.signalingState }, description.type);
    this.#ignoring = decision === "ignore";
    if (description.type === "offer") this.#countCollision(decision);
    if (this.#ignoring) return;
    await c.setRemoteDescription(description);
    await this.#sendTracks();
    if (description.type !== "offer") return;
    await c.setLocalDescription();
    void this.#sendDescription(); // signals behind this one do not wait for the server
  }

  #countCollision(decision: Decision): void {
    const { ignored, rolledBack } = this.#collisions;
    this.#collisions = { ignored: ignored + Number(decision === "ignore"), rolledBack: rolledBack + Number(decision === "rollback") };
  }

  async #candidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    try {
      await this.#connection.addIceCandidate(candidate ?? undefined);
    } catch (err) {
      if (!this.#ignoring) throw err;
    }
  }

  #transceivers(): Map<MediaKind, RTCRtpTransceiver> {
    const all = this.#connection.getTransceivers().filter((t) => t.currentDirection !== "stopped");
    const [video, screen] = all.filter((t) => t.receiver.track.kind === "video");
    const audio = all.find((t) => t.receiver.track.kind === "audio");
    const found = new Map<MediaKind, RTCRtpTransceiver>();
    if (audio) found.set("audio", audio);
    if (video) found.set("video", video);
    if (screen) found.set("screen", screen);
    return found;
  }

  #sendTracks(): Promise<void> {
    const sent = this.#sending.then(() => this.#sendTracksNow());
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** Sends the tracks in their transceivers, each within its bit rate. */
  async #sendTracksNow(): Promise<void> {
    const { signalingState } = this.#connection;
    if (signalingState === "closed" || (!this.#options.offers && !this.#connection.remoteDescription)) return; // the peer's offer brings them
    const transceivers = this.#transceivers();
    for (const kind of mediaKinds) {
      const track = this.#tracks[kind];
      let transceiver = transceivers.get(kind);
      if (!transceiver && !track) continue;
      transceiver ??= this.#connection.addTransceiver(kind === "audio" ? "audio" : "video"); // a peer that offered less
      if (transceiver.direction !== "sendrecv") transceiver.direction = "sendrecv";
      if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
      if (track) await limit(transceiver.sender, kind, this.#bitrates);
    }
  }

  #received(transceiver: RTCRtpTransceiver): void {
    const isScreen = this.#transceivers().get("screen") === transceiver;
    (isScreen ? this.screen : this.stream).addTrack(transceiver.receiver.track);
    this.#options.changed();
  }

  #stateChanged(): void {
    const state = this.#connection.connectionState;
    if (state === "closed") return;
    if (state === "connected") {
      if (this.#connectedBefore && !this.#steady) this.#askForKeyFrames(); // no gap can be noticed
      this.#connectedBefore = true;
      this.#restarts = 0;
    }
    clearTimeout(this.#restart);
    const delay = restartDelay(state, this.#restarts);
    if (delay !== undefined) this.#restart = setTimeout(() => this.#restartNow(), delay);
    this.#options.changed();
  }

  #restartNow(): void {
    if (this.#closed) return;
    this.#restarts++;
    this.#connection.restartIce();
    clearTimeout(this.#restart);
    const again = restartDelay(this.#connection.connectionState, this.#restarts);
    if (again !== undefined) this.#restart = setTimeout(() => this.#restartNow(), again);
  }
}
