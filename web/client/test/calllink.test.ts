// A call and its links over a connection and peer connections that the test holds in
// its hand. web/ui/e2e/calls.spec.ts has real ones.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Call } from "../src/call/call.js";
import type { Connection } from "../src/connection.js";

type Handler = (payload: unknown) => void;

/** A channel of the phoenix client, with the server's part played by the test. */
class FakeChannel {
  state = "joining";
  readonly pushed: { event: string; payload: Record<string, unknown>; reply: (status: string, payload?: unknown) => void }[] = [];
  #events = new Map<string, Handler>();
  #join = new Map<string, Handler>();
  #error: () => void = () => undefined;

  on = (event: string, handle: Handler) => void this.#events.set(event, handle);
  onError = (down: () => void) => void (this.#error = down);
  onClose = () => undefined;
  join = () => this.#replies(this.#join);
  leave = () => ({ receive: (status: string, handle: Handler) => (status === "ok" && handle({}), this.leave()) });

  push(event: string, payload: Record<string, unknown>) {
    const handlers = new Map<string, Handler>();
    this.pushed.push({ event, payload, reply: (status, answer = {}) => handlers.get(status)?.(answer) });
    return this.#replies(handlers);
  }

  tell = (event: string, payload: unknown) => this.#events.get(event)?.(payload);

  joined(peerId: string, peers: string[]) {
    this.state = "joined";
    this.#join.get("ok")?.({ peer_id: peerId, ice_servers: [], peers: peers.map((id) => ({ peer_id: id, user_id: id, name: id })) });
  }

  broken() {
    this.state = "errored";
    this.#error();
  }

  #replies(handlers: Map<string, Handler>) {
    const replies = { receive: (status: string, handle: Handler) => (handlers.set(status, handle), replies) };
    return replies;
  }
}

class FakeDataChannel extends EventTarget {
  readyState = "open";
  readonly sent: string[] = [];
  constructor(readonly label: string) {
    super();
  }
  send = (data: string) => void this.sent.push(data);
}

class FakePeerConnection extends EventTarget {
  static all: FakePeerConnection[] = [];
  connectionState = "new";
  signalingState = "stable";
  localDescription: { type: string } | null = null;
  remoteDescription: { type: string } | null = null;
  hints: FakeDataChannel | undefined;
  /** When the newest media were played, and how many packets came. */
  played: number | undefined;
  packets = 0;
  counted = 0;
  constructor() {
    super();
    FakePeerConnection.all.push(this);
  }
  createDataChannel = (label: string) => (this.hints = new FakeDataChannel(label));
  addTransceiver = () => ({});
  getTransceivers = () => [];
  getReceivers = () => [{ getSynchronizationSources: () => (this.played === undefined ? [] : [{ timestamp: this.played }]) }];
  getStats = async () => (this.counted++, [{ type: "inbound-rtp", packetsReceived: this.packets }]);
  close = () => void (this.signalingState = "closed");
  async setLocalDescription() {
    const answers = this.signalingState === "have-remote-offer";
    this.localDescription = { type: answers ? "answer" : "offer" };
    this.signalingState = answers ? "stable" : "have-local-offer";
  }
  async setRemoteDescription({ type }: { type: string }) {
    await Promise.resolve(); // an answer takes a moment
    this.remoteDescription = { type };
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable";
  }
}

class FakeMediaStream {
  getTracks = () => [];
}

let channel: FakeChannel;
let connection: Connection;
const lastPeer = () => FakePeerConnection.all.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("MediaStream", FakeMediaStream);
  FakePeerConnection.all = [];
  channel = new FakeChannel();
  connection = { timeout: 10_000, open: () => undefined, release: () => undefined, socket: { channel: () => channel, isConnected: () => true } } as unknown as Connection;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a rejoin", () => {
  test("peers that are still there learn how high they are shown", async () => {
    const call = new Call(connection, "r");
    channel.joined("me", ["small", "gone"]);
    call.show("small", { video: 180, screen: 0 });
    channel.broken();
    channel.joined("me again", ["small", "new"]);
    const [small, fresh] = FakePeerConnection.all.slice(2);
    expect(small!.hints!.sent).toEqual(['{"shown":{"video":180,"screen":0}}']);
    expect(fresh!.hints!.sent).toEqual(['{"shown":{"video":720,"screen":720}}']);
    await call.leave();
  });
});

describe("an offer", () => {
  const offers = () => channel.pushed.filter(({ event }) => event === "offer");
  const offered = async () => {
    const call = new Call(connection, "r");
    channel.joined("me", ["peer"]);
    lastPeer().dispatchEvent(new Event("negotiationneeded"));
    await vi.advanceTimersByTimeAsync(0);
    expect(offers()).toHaveLength(1);
    return call;
  };

  test.each([["timeout", {}], ["error", { reason: "rate_limited" }]])("that the server did not take (%s) is sent again", async (status, answer) => {
    const call = await offered();
    offers()[0]!.reply(status, answer);
    await vi.advanceTimersByTimeAsync(1000);
    expect(offers()).toHaveLength(2);
    await call.leave();
  });

  test("that was answered although the server did not say so is not sent again", async () => {
    const call = await offered();
    lastPeer().signalingState = "stable";
    offers()[0]!.reply("timeout");
    await vi.advanceTimersByTimeAsync(5000);
    expect(offers()).toHaveLength(1);
    await call.leave();
  });

  test.each([["polite", "zoe"], ["impolite", "a"]])("of the peer behind its answer is no collision, though the server has not replied: %s", async (_, id) => {
    const call = new Call(connection, "r");
    channel.joined("me", [id]);
    lastPeer().dispatchEvent(new Event("negotiationneeded"));
    await vi.advanceTimersByTimeAsync(0);
    channel.tell("answer", { from: id, description: { type: "answer" } });
    channel.tell("offer", { from: id, description: { type: "offer" } });
    channel.tell("offer", { from: id, description: { type: "offer" } }); // before the server replied to the answer
    await vi.advanceTimersByTimeAsync(0);
    expect(call.collisions).toEqual({ ignored: 0, rolledBack: 0 });
    expect(channel.pushed.filter(({ event }) => event === "answer")).toHaveLength(2);
    await call.leave();
  });

  test("is not sent again where the connection broke, or the peer is gone", async () => {
    const call = await offered();
    offers()[0]!.reply("error", { reason: "unknown_peer" });
    lastPeer().dispatchEvent(new Event("negotiationneeded"));
    await vi.advanceTimersByTimeAsync(0);
    channel.broken();
    channel.state = "joined";
    await vi.advanceTimersByTimeAsync(5000);
    expect(offers()).toHaveLength(2);
    await call.leave();
  });
});

describe("a whole picture", () => {
  const stillScreen = async (media: object) => {
    const call = new Call(connection, "r");
    channel.joined("me", ["peer"]);
    channel.tell("media_state", { peer_id: "peer", ...media });
    const peer = lastPeer();
    for (let i = 0; i < 5; i++) {
      peer.played = performance.timeOrigin + performance.now();
      peer.packets++;
      await vi.advanceTimersByTimeAsync(1000);
    }
    return { call, peer, asked: () => peer.hints!.sent.filter((hint) => hint.includes("keyFrame")).length };
  };

  test("is not asked for again and again where the microphone is off and a still screen is shared", async () => {
    const { call, peer, asked } = await stillScreen({ audio: false, video: false, screen: true });
    expect([asked(), peer.counted]).toEqual([0, 0]);
    for (const state of ["connected", "disconnected", "connected"]) {
      peer.connectionState = state;
      peer.dispatchEvent(new Event("connectionstatechange"));
    }
    expect(asked()).toBe(1);
    await call.leave();
  });

  test("is asked for where sound had stopped", async () => {
    const { call, asked } = await stillScreen({ audio: true, video: false, screen: true });
    expect(asked()).toBeGreaterThan(0);
    await call.leave();
  });

  test("is not asked for because of a camera that is not shown here", async () => {
    const { call, peer, asked } = await stillScreen({ audio: false, video: true, screen: false });
    expect(asked()).toBeGreaterThan(0);
    call.show("peer", { video: 0, screen: 0 });
    peer.counted = 0;
    await vi.advanceTimersByTimeAsync(5000);
    expect(peer.counted).toBe(0);
    await call.leave();
  });
});

describe("what oneself sends", () => {
  const told = () => channel.pushed.filter(({ event }) => event === "media_state");

  test.each([["error", { reason: "too_many_signals" }], ["timeout", {}]])("is told again where the server did not take it (%s), as it is by then", async (status, answer) => {
    const call = new Call(connection, "r", { audio: Object.assign(new EventTarget(), { readyState: "live", enabled: true }) as unknown as MediaStreamTrack });
    channel.joined("me", []);
    call.mute("audio", true);
    call.mute("audio", false);
    for (const { reply } of told().slice(1)) reply(status, answer);
    await vi.advanceTimersByTimeAsync(500);
    expect(told()).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(500);
    expect(told().slice(3).map(({ payload }) => payload)).toEqual([{ audio: true, video: false, screen: false }]);
    told()[3]!.reply("ok");
    await vi.advanceTimersByTimeAsync(5000);
    expect(told()).toHaveLength(4);
    await call.leave();
  });

  test("is not told again for another reason, nor after the end", async () => {
    const call = new Call(connection, "r");
    channel.joined("me", []);
    told()[0]!.reply("error", { reason: "unmatched topic" });
    await vi.advanceTimersByTimeAsync(5000);
    expect(told()).toHaveLength(1);
    call.mute("audio", true);
    told()[1]!.reply("error", { reason: "too_many_signals" });
    await vi.advanceTimersByTimeAsync(0);
    await call.leave();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the report", () => {
  const reports = () => channel.pushed.filter(({ event }) => event === "report").map(({ payload }) => payload);
  const become = (state: string) => {
    lastPeer().connectionState = state;
    lastPeer().dispatchEvent(new Event("connectionstatechange"));
  };

  test("goes out once when one leaves, and goes on over a connection that broke", async () => {
    const call = new Call(connection, "r");
    channel.joined("me", ["peer"]);
    await vi.advanceTimersByTimeAsync(300);
    become("connected");
    await vi.advanceTimersByTimeAsync(10_000);
    become("disconnected");
    channel.broken();
    expect(reports()).toEqual([]);
    channel.joined("me again", ["peer"]);
    become("connected");
    await vi.advanceTimersByTimeAsync(20_000);
    await call.leave();
    expect(reports()).toHaveLength(1);
    expect(reports()[0]).toMatchObject({ join_ms: 300, links: { direct: 2, relayed: 0, failed: 0 }, interruptions: 1 });
    expect((reports()[0] as { seconds: { good: number } }).seconds.good).toBe(30); // of both
  });

  test("goes out when the page goes away, with the links of that moment, and not a second time", async () => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    const call = new Call(connection, "r");
    channel.joined("me", ["peer"]);
    become("connected");
    page.dispatchEvent(new Event("pagehide"));
    expect(reports()).toMatchObject([{ links: { direct: 1, relayed: 0, failed: 0 }, interruptions: 0 }]);
    await call.leave();
    page.dispatchEvent(new Event("pagehide"));
    expect(reports()).toHaveLength(1);
  });

  test("is not told where there is no connection", async () => {
    const call = new Call(connection, "r");
    channel.joined("me", ["peer"]);
    channel.broken();
    await call.leave();
    expect(reports()).toEqual([]);
  });
});

test("a call that cannot be made leaves nothing behind", () => {
  const track = new EventTarget() as MediaStreamTrack;
  const listens = vi.spyOn(track, "addEventListener");
  connection.open = () => {
    throw new Error("the client is closed");
  };
  expect(() => new Call(connection, "r", { audio: track })).toThrow("the client is closed");
  expect(vi.getTimerCount()).toBe(0);
  expect(listens).not.toHaveBeenCalled();
});
