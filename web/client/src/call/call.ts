import type { Connection } from "../connection.js";
import { Emitter } from "../emitter.js";
import { isObject, type Json, list, object, text } from "../guards.js";
import { Topic } from "../topic.js";
import { ClosedError, NoReplyError, ReplyError } from "../errors.js";
import { type Bitrates, bitrates, nextUpload, type Shown } from "./bitrates.js";
import { Handover } from "./handover.js";
import { everything } from "./hints.js";
import { Link, type MediaKind } from "./link.js";
import { type Media, mediaOf, OwnMedia } from "./media.js";
import { type Collisions, isPolite, type LinkState } from "./negotiation.js";
import { Report } from "./report.js";
import { type CallEvents, type CallOptions, type CallPeer, type CallState, ReplacedError } from "./types.js";

interface Other {
  peer: CallPeer;
  link: Link;
  shown: Shown; // how high one shows it
  reported: LinkState;
  /** The link to the same person before a rejoin, while its media flow and those of the new one do not yet. */
  before: Link | undefined;
}

const qualityEvery = 2000; // ms
const retellAfter = 1000; // ms: the server takes five media states a second
const upload = 4_000_000; // bit/s

/** The call of a room: media to and from each other peer, and what they send. */
export class Call extends Emitter<CallEvents> {
  readonly roomId: string;
  #options: CallOptions;
  #topic: Topic;
  #state: CallState = "joining";
  #peerId = "";
  #iceServers: RTCIceServer[] = [];
  #others = new Map<string, Other>();
  #handover = new Handover();
  #own = new OwnMedia((kind) => this.setTrack(kind, null));
  #timer: ReturnType<typeof setInterval>;
  #upload: number;
  #measured = performance.now();
  #replaced = false;
  #report = new Report();
  #reported = false; // since the last join
  #retell: ReturnType<typeof setTimeout> | undefined;

  /** Use `client.call(…)`. */
  constructor(connection: Connection, roomId: string, options: CallOptions = {}) {
    super();
    this.roomId = roomId;
    this.#upload = options.upload ?? upload;
    this.#options = options;
    // It throws where the call cannot be made: before there are a timer and listeners.
    this.#topic = new Topic(connection, `room:${roomId}:call`, {
      onJoin: (reply) => this.#joined(reply),
      onDown: () => this.#become("reconnecting"),
      onEnd: (error) => this.#end(error),
      events: {
        peer_joined: (payload) => this.#add(object(payload), false),
        peer_left: (payload) => this.#remove(text(object(payload)["peer_id"])),
        offer: (payload) => this.#signalled(object(payload), "description"),
        answer: (payload) => this.#signalled(object(payload), "description"),
        ice_candidate: (payload) => this.#signalled(object(payload), "candidate"),
        media_state: (payload) => this.#mediaChanged(object(payload)),
        replaced: () => (this.#replaced = true),
      },
    });
    this.#own.set("audio", options.audio ?? null);
    this.#own.set("video", options.video ?? null);
    this.#timer = setInterval(() => void this.#measure(), qualityEvery);
    globalThis.addEventListener?.("online", this.#networkBack);
    globalThis.addEventListener?.("pagehide", this.#hidden);
  }

  get state(): CallState {
    return this.#state;
  }

  /** One's own id in the call; another one after each rejoin. */
  get peerId(): string {
    return this.#peerId;
  }

  /** The others, by peer id. The objects are replaced as they change. */
  get peers(): ReadonlyMap<string, CallPeer> {
    return new Map([...this.#others].map(([id, { peer }]) => [id, peer]));
  }

  /** What oneself sends. */
  get media(): Media {
    return this.#own.media;
  }

  /** Resolves when the call is joined, and rejects where it cannot be. */
  joined(): Promise<void> {
    return this.#topic.whenJoined();
  }

  /**
   * Sends a track to everybody, instead of the one before; null ends it. The caller
   * stops tracks that are not needed any more.
   */
  setTrack(kind: MediaKind, track: MediaStreamTrack | null): void {
    this.#own.set(kind, track);
    this.#sendingChanged();
  }

  /** Sends no sound, or black instead of a picture, and tells everybody. */
  mute(kind: MediaKind, muted: boolean): void {
    this.#own.mute(kind, muted);
    this.#sendingChanged();
  }

  /** The sound is music or breathing from now on, or is not any more. */
  setMusic(music: boolean): void {
    this.#options = { ...this.#options, music };
    this.#share();
  }

  /** Says how high a peer's pictures are shown, in pixels of the screen; 0 where they are not. The peer sends no more than that. */
  show(peerId: string, shown: Shown): void {
    const other = this.#others.get(peerId);
    if (!other || (other.shown.video === shown.video && other.shown.screen === shown.screen)) return;
    other.shown = shown;
    this.#tellHints(other);
  }

  /** How loud each peer is at present, 0 to 1. It is cheap: ask ten times a second. */
  levels(): ReadonlyMap<string, number> {
    return new Map([...this.#others].map(([id, { link, before }]) => [id, (before ?? link).level]));
  }

  /** How often offers of the present peers met own ones: for diagnosis. */
  get collisions(): Collisions {
    const all = [...this.#others.values()].map(({ link }) => link.collisions);
    return { ignored: all.reduce((n, c) => n + c.ignored, 0), rolledBack: all.reduce((n, c) => n + c.rolledBack, 0) };
  }

  /** Leaves the call. Local tracks are left as they are. */
  async leave(): Promise<void> {
    this.#stop();
    this.removeAllListeners();
    await this.#topic.leave();
  }

  #sendingChanged(): void {
    this.#share();
    this.#tellMedia();
    this.emit("media", this.media);
  }

  /** Gives each link its tracks, and its part of the upload. */
  #share(): void {
    const links = [...this.#others.values()].map(({ link }) => link);
    const rates = this.#bitrates(links.map((link) => link.shown));
    links.forEach((link, i) => void link.setTracks(this.#own.sent, rates[i]!).catch((err: unknown) => console.warn("a track was not sent:", err)));
  }

  #bitrates(shown: Shown[]): Bitrates[] {
    const { music = false } = this.#options;
    return bitrates(this.#upload, shown, { video: this.#own.tracks.video !== null, screen: this.#own.tracks.screen !== null, music });
  }

  #tellHints({ link, shown }: Other): void {
    link.tell({ shown });
  }

  /** The page goes away, and nothing can be told after that. */
  #hidden = (): void => {
    for (const { link } of this.#others.values()) this.#report.ended(link.state, link.connectedBefore, link.relayed);
    this.#tellReport();
  };

  #tellReport(): void {
    if (!this.#topic.joined || this.#reported) return;
    this.#reported = true;
    this.#topic.push("report", this.#report.toJSON()).catch(() => undefined); // nobody is there to do better
  }

  /** What was told is told again where the server did not take it: others would see a wrong state until the next change. */
  #tellMedia(): void {
    clearTimeout(this.#retell);
    if (!this.#topic.joined) return; // the rejoin tells it
    this.#topic.push("media_state", this.media).catch((err: unknown) => {
      const later = (err instanceof NoReplyError && err.why === "timeout") || (err instanceof ReplyError && err.reason === "too_many_signals");
      if (later && this.#state !== "ended") this.#retell = setTimeout(() => this.#tellMedia(), retellAfter);
    });
  }

  /** A rejoin makes another peer of this one: all links are new. */
  #joined(reply: Json): void {
    this.#peerId = text(reply["peer_id"]);
    this.#iceServers = list(reply["ice_servers"]).filter(isObject) as unknown as RTCIceServer[];
    const shown = new Map([...this.#others].map(([id, other]) => [id, other.shown])); // it is said when it changes alone
    for (const id of shown.keys()) this.#drop(id, true);
    this.#reported = false;
    this.#upload = this.#options.upload ?? upload; // the network may be another one
    this.#report.joined(list(reply["peers"]).length);
    for (const peer of list(reply["peers"])) this.#add(object(peer), true, shown);
    this.#tellMedia();
    this.#become("joined");
    this.emit("peers", undefined);
  }

  /** Who joins later makes the offers. shown has how high peers are shown already. */
  #add(p: Json, offers: boolean, shown: ReadonlyMap<string, Shown> = new Map()): void {
    const peerId = text(p["peer_id"]);
    this.#drop(peerId);
    const before = this.#handover.take(text(p["user_id"]));
    const link: Link = new Link({
      configuration: { iceServers: this.#iceServers, iceTransportPolicy: this.#options.iceTransportPolicy ?? "all", bundlePolicy: "max-bundle" },
      polite: isPolite(this.#peerId, peerId),
      offers,
      tracks: this.#own.sent,
      bitrates: this.#bitrates([everything])[0]!,
      media: () => this.#others.get(peerId)?.peer.media ?? mediaOf(object(p["media"])),
      signal: (event, payload) => this.#signal(link, peerId, event, payload),
      changed: () => this.#linkChanged(link),
      shownChanged: () => this.#share(),
    });
    const peer: CallPeer = {
      peerId,
      userId: text(p["user_id"]),
      name: text(p["name"]),
      media: mediaOf(object(p["media"])),
      state: (before ?? link).state,
      stream: (before ?? link).stream,
      screen: (before ?? link).screen,
      quality: undefined,
    };
    const other: Other = { peer, link, shown: shown.get(peerId) ?? everything, reported: link.state, before };
    this.#others.set(peerId, other);
    this.#tellHints(other);
    this.#share();
    this.emit("peers", undefined);
  }

  /** A link to a peer that is gone, or that has another one by now, says nothing more. */
  async #signal(link: Link, peerId: string, event: string, payload: object): Promise<unknown> {
    if (this.#others.get(peerId)?.link !== link) return undefined;
    return this.#topic.push(event, { to: peerId, ...payload });
  }

  #linkChanged(changed: Link): void {
    const other = [...this.#others.values()].find((o) => o.link === changed || o.before === changed);
    if (!other) return;
    const { link, before } = other;
    this.#report.changed(other.reported, link.state);
    other.reported = link.state;
    if (before?.state === "connected" && link.state !== "connected") return;
    other.before = undefined;
    this.#update(other.peer.peerId, { state: link.state, stream: link.stream, screen: link.screen });
    before?.close();
  }

  #update(peerId: string, change: Partial<CallPeer>): void {
    const other = this.#others.get(peerId);
    if (!other) return;
    other.peer = { ...other.peer, ...change };
    this.emit("peers", undefined);
  }

  /** mayReturn keeps what flows for a moment. */
  #drop(peerId: string, mayReturn = false): boolean {
    const other = this.#others.get(peerId);
    if (!other) return false;
    const { link, before, peer } = other;
    this.#report.ended(link.state, link.connectedBefore, link.relayed);
    this.#others.delete(peerId);
    before?.close();
    if (mayReturn) this.#handover.leave(peer.userId, link);
    else link.close();
    return true;
  }

  #remove(peerId: string): void {
    if (!this.#drop(peerId, true)) return;
    this.#share();
    this.emit("peers", undefined);
  }

  #signalled(p: Json, what: "description" | "candidate"): void {
    this.#others.get(text(p["from"]))?.link.receive(what, p[what]);
  }

  #mediaChanged(p: Json): void {
    this.#update(text(p["peer_id"]), { media: mediaOf(p) });
  }

  async #measure(): Promise<void> {
    const seconds = (performance.now() - this.#measured) / 1000;
    this.#measured = performance.now();
    for (const [id, other] of this.#others) {
      const quality = await other.link.quality().catch(() => undefined);
      this.#report.lasted(seconds, other.link.state, quality);
      this.#update(id, { quality });
    }
    const before = this.#upload;
    this.#upload = nextUpload(before, this.#options.upload ?? upload, [...this.#others.values()].map(({ link }) => link.uplink));
    if (this.#upload !== before) this.#share();
  }

  #networkBack = (): void => {
    for (const { link } of this.#others.values()) link.restartIfInterrupted();
  };

  #become(state: CallState): void {
    if (state === this.#state || this.#state === "ended") return;
    this.#state = state;
    this.emit("state", state);
  }

  #end(error: Error): void {
    this.#stop();
    this.emit("ended", this.#replaced && error instanceof ClosedError ? new ReplacedError("the call goes on in another page or device") : error);
  }

  #stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#retell);
    globalThis.removeEventListener?.("online", this.#networkBack);
    globalThis.removeEventListener?.("pagehide", this.#hidden);
    this.#own.close();
    for (const id of [...this.#others.keys()]) this.#drop(id);
    this.#handover.close();
    this.#tellReport();
    this.#become("ended");
    this.emit("peers", undefined);
  }
}
