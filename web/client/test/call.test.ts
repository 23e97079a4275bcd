// The decisions of a call, without a browser. web/ui/e2e/calls.spec.ts has real media.

import { array, property, assert, constantFrom, integer, boolean, record } from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bitrates, nextUpload } from "../src/call/bitrates.js";
import { Gap } from "../src/call/gap.js";
import { Handover } from "../src/call/handover.js";
import { readHints, writeHints } from "../src/call/hints.js";
import type { Link } from "../src/call/link.js";
import { decide, isPolite, linkState, type Negotiating, restartDelay } from "../src/call/negotiation.js";
import { OwnMedia } from "../src/call/media.js";
import { count, type Counted, type Quality, qualityOf } from "../src/call/quality.js";
import { Report } from "../src/call/report.js";

const at = (change: Partial<Negotiating>): Negotiating => ({ polite: false, makingOffer: false, signalingState: "stable", ...change });

describe("negotiation", () => {
  test("of two peers one is polite", () => {
    expect([isPolite("A", "B"), isPolite("B", "A")]).toEqual([true, false]);
  });

  test.each<[string, Partial<Negotiating>, RTCSdpType, string]>([
    ["an offer", {}, "offer", "apply"],
    ["glare, polite", { polite: true, signalingState: "have-local-offer" }, "offer", "rollback"],
    ["glare, impolite", { signalingState: "have-local-offer" }, "offer", "ignore"],
    ["glare with an offer that is being made, polite", { polite: true, makingOffer: true }, "offer", "rollback"],
    ["glare with an offer that is being made, impolite", { makingOffer: true }, "offer", "ignore"],
    ["an answer", { signalingState: "have-local-offer" }, "answer", "apply"],
    ["an answer to an offer that was rolled back", {}, "answer", "ignore"],
    ["an answer while the peer's offer is applied", { signalingState: "have-remote-offer" }, "answer", "ignore"],
  ])("%s", (_, change, type, want) => expect(decide(at(change), type)).toBe(want));

  test("two offers at once: one side gives way, never both, never none", () => {
    const side = record({ makingOffer: boolean(), signalingState: constantFrom<RTCSignalingState>("stable", "have-local-offer") });
    const busy = side.filter((s) => s.makingOffer || s.signalingState !== "stable");
    assert(property(busy, busy, (a, b) => {
      const decisions = [decide(at({ ...a, polite: isPolite("A", "B") }), "offer"), decide(at({ ...b, polite: isPolite("B", "A") }), "offer")];
      expect(decisions.sort()).toEqual(["ignore", "rollback"]);
    }));
  });

  test("ICE restarts when media do not flow, ever less often", () => {
    expect(["new", "connecting", "connected", "closed"].map((s) => restartDelay(s as RTCPeerConnectionState, 0))).toEqual(Array(4).fill(undefined));
    expect([0, 1, 2, 3, 9].map((n) => restartDelay("failed", n))).toEqual([0, 2000, 4000, 8000, 8000]);
    expect(restartDelay("disconnected", 0)).toBe(1000); // often comes back by itself
  });

  test("what was connected is interrupted, not connecting", () => {
    expect(linkState("connecting", false)).toBe("connecting");
    expect(linkState("connecting", true)).toBe("interrupted");
    expect(linkState("failed", false)).toBe("interrupted");
    expect(linkState("connected", false)).toBe("connected");
  });
});

describe("bit rates", () => {
  const seen = { video: 720, screen: 720 };
  const unseen = { video: 0, screen: 0 };
  const small = { video: 180, screen: 0 };

  test("their sum is bounded by the upload", () => {
    const shown = record({ video: constantFrom(0, 180, 360, 720), screen: constantFrom(0, 720) });
    assert(property(integer({ min: 100_000, max: 10_000_000 }), array(shown, { minLength: 1, maxLength: 7 }), boolean(), boolean(), (upload, peers, video, screen) => {
      const rates = bitrates(upload, peers, { video, screen });
      expect(rates.reduce((sum, b) => sum + b.audio + b.video + b.screen, 0)).toBeLessThanOrEqual(upload + peers.length);
      expect(rates.every((b) => b.audio >= 12_000)).toBe(true);
    }));
  });

  test("sound goes before pictures, the screen before the camera", () => {
    expect(bitrates(100_000, [seen, seen, seen], { video: true, screen: false })).toEqual(Array(3).fill({ audio: 32_000, video: 0, screen: 0, height: 720 }));
    expect(bitrates(40_000, [seen, seen], { video: true, screen: true })[0]).toMatchObject({ audio: 20_000, video: 0, screen: 0 });
    const [both] = bitrates(4_000_000, [seen, seen, seen], { video: true, screen: true });
    expect(both!.screen).toBeGreaterThan(both!.video);
    expect(bitrates(4_000_000, [seen], { video: true, screen: false })[0]!.video).toBe(1_500_000);
    expect(bitrates(4_000_000, [seen], { video: false, screen: false, music: true })[0]).toMatchObject({ audio: 128_000, video: 0, screen: 0 });
  });

  test("who shows nothing is sent no pictures, who shows them small gets small ones, and the others have the rest", () => {
    const [one, two, three] = bitrates(2_000_000, [unseen, small, seen], { video: true, screen: false });
    expect(one).toMatchObject({ audio: 32_000, video: 0 });
    expect(two).toMatchObject({ video: 150_000, height: 180 });
    expect(three).toMatchObject({ video: 1_500_000, height: 720 });
  });

  test("what was measured bounds the upload, and it comes back", () => {
    const free = { available: 300_000, limited: false };
    expect(nextUpload(4_000_000, 4_000_000, [free])).toBe(4_000_000); // who sends little measures little
    expect(nextUpload(4_000_000, 4_000_000, [free, { available: 500_000, limited: true }])).toBe(1_200_000);
    expect(nextUpload(4_000_000, 4_000_000, [{ available: 5000, limited: true }])).toBe(100_000); // a picture is tried again from there
    expect(nextUpload(800_000, 4_000_000, [free])).toBe(1_000_000);
    expect(nextUpload(3_900_000, 4_000_000, [free])).toBe(4_000_000);
    expect(nextUpload(1_000_000, 4_000_000, [{ available: 0, limited: true }])).toBe(1_250_000);
  });
});

describe("hints", () => {
  test("come as they were sent", () => {
    const hints = { shown: { video: 180, screen: 0 }, keyFrame: 2 };
    expect(readHints(writeHints(hints))).toEqual(hints);
  });

  test.each([[7], ["{"], ["[]"], ['"x"'], ['{"shown":7}']])("%s says nothing", (data) => expect(readHints(data)).toEqual({}));

  test("a size that makes no sense is that of who says nothing", () => {
    expect(readHints('{"shown":{"video":-1,"screen":1e9}}')).toEqual({ shown: { video: 720, screen: 720 } });
  });
});

describe("quality", () => {
  const report = [
    { id: "t", type: "transport", selectedCandidatePairId: "p" },
    { id: "p", type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r", currentRoundTripTime: 0.04, availableOutgoingBitrate: 900_000 },
    { id: "l", type: "local-candidate", candidateType: "relay" },
    { id: "r", type: "remote-candidate", candidateType: "host" },
    { id: "a", type: "inbound-rtp", timestamp: 1000, kind: "audio", packetsReceived: 50, packetsLost: 1, audioLevel: 0.3 },
    { id: "v", type: "inbound-rtp", timestamp: 1000, kind: "video", packetsReceived: 100, packetsLost: 2, framesDecoded: 30, frameWidth: 640, frameHeight: 480, totalProcessingDelay: 0.6 },
    { id: "s", type: "inbound-rtp", timestamp: 1000, kind: "video", packetsReceived: 0, packetsLost: 0 },
    { id: "o", type: "outbound-rtp", packetsSent: 9, qualityLimitationReason: "bandwidth" },
  ];

  test("a report is summed up", () => {
    expect(count(report)).toEqual({ received: 150, lost: 3, framesDecoded: 30, at: 1000, width: 640, height: 480, audioLevel: 0.3, roundTrip: 40, relayed: true, frames: 30, processing: 0.6, uplink: { available: 900_000, limited: true } });
    expect(count([])).toEqual({ received: 0, lost: 0, framesDecoded: 0, at: 0, width: 0, height: 0, audioLevel: 0, roundTrip: undefined, relayed: false, frames: 0, processing: 0, uplink: { available: 0, limited: false } });
  });

  const before = count(report);
  const later = (change: Partial<Counted>): Counted => ({ ...before, at: before.at + 2000, ...change });

  test("what counts is what happened since the last time", () => {
    const q = qualityOf(before, later({ received: 240, lost: 13, framesDecoded: 90 }));
    expect(q).toMatchObject({ loss: 0.1, framesPerSecond: 30, rating: "poor" });
    expect(qualityOf(before, later({ frames: 90, processing: 3.6 })).pictureAge).toBe(70);
    expect(qualityOf(before, before).pictureAge).toBeUndefined();
    expect(qualityOf(before, before)).toMatchObject({ loss: 0, framesPerSecond: 0, rating: "good" });
    expect(qualityOf(undefined, before)).toMatchObject({ loss: 3 / 153, framesPerSecond: 0, rating: "good" });
    expect(qualityOf(before, later({ received: 0, lost: 0 })).loss).toBe(0); // counters that began anew
  });

  test.each([
    [100, 0, 40, "good"],
    [95, 5, 40, "fair"],
    [90, 10, 40, "poor"],
    [100, 0, 400, "fair"],
    [100, 0, 1000, "poor"],
    [100, 0, undefined, "good"],
  ])("%d received, %d lost, %d ms: %s", (received, lost, roundTrip, rating) => {
    expect(qualityOf(undefined, later({ received, lost, roundTrip })).rating).toBe(rating);
  });
});

describe("a gap", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function gap() {
    const at = { played: performance.now() as number | undefined, packets: 10, over: 0, steady: true, counted: 0 };
    const watched = new Gap({ steady: () => at.steady, silentFor: () => (at.played === undefined ? undefined : performance.now() - at.played), packets: async () => (at.counted++, at.packets), over: () => at.over++ });
    return { at, watched };
  }

  test("is over when packets come again", async () => {
    const { at, watched } = gap();
    await vi.advanceTimersByTimeAsync(5000);
    expect(at.over).toBe(0);
    at.packets++;
    await vi.advanceTimersByTimeAsync(200);
    expect(at.over).toBe(1);
    at.played = performance.now();
    at.packets++;
    await vi.advanceTimersByTimeAsync(600);
    expect(at.over).toBe(1);
    watched.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is over again where nothing can be played still", async () => {
    const { at, watched } = gap();
    await vi.advanceTimersByTimeAsync(2000);
    for (let i = 0; i < 5; i++) {
      at.packets++;
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(at.over).toBeGreaterThan(1);
    watched.close();
  });

  test("is none while the microphone is off and a still screen repeats once a second, and nothing is counted", async () => {
    const { at, watched } = gap();
    at.steady = false;
    for (let i = 0; i < 20; i++) {
      at.played = performance.now();
      at.packets++;
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect([at.over, at.counted]).toEqual([0, 0]);
    watched.close();
  });

  test("that was noticed is none any more once the peer says that it sends nothing", async () => {
    const { at, watched } = gap();
    await vi.advanceTimersByTimeAsync(2000);
    expect(at.counted).toBeGreaterThan(0);
    at.steady = false;
    at.counted = 0;
    await vi.advanceTimersByTimeAsync(5000);
    at.packets++;
    await vi.advanceTimersByTimeAsync(5000);
    expect([at.over, at.counted]).toEqual([0, 0]);
    watched.close();
  });

  test("counts ever less often where a peer sends one picture a second", async () => {
    const { at, watched } = gap();
    const overIn = async (seconds: number) => {
      const before = at.over;
      for (let i = 0; i < seconds; i++) {
        at.played = performance.now();
        at.packets++;
        await vi.advanceTimersByTimeAsync(1000);
      }
      return at.over - before;
    };
    expect(await overIn(60)).toBeLessThanOrEqual(8);
    expect(await overIn(60)).toBeLessThanOrEqual(4);
    watched.close();
  });

  test("is none where media go on, or never came", async () => {
    const { at, watched } = gap();
    at.played = undefined;
    for (let i = 0; i < 20; i++) {
      at.packets++;
      await vi.advanceTimersByTimeAsync(200);
      if (i > 10) at.played = performance.now();
    }
    expect(at.over).toBe(0);
    watched.close();
  });
});

describe("a report", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const good = { rating: "good" } as Quality;
  const poor = { rating: "poor" } as Quality;

  test("sums up the links", () => {
    const report = new Report();
    report.joined(2);
    vi.advanceTimersByTime(400);
    report.changed("connecting", "connected");
    vi.advanceTimersByTime(60_000);
    report.changed("connecting", "connected"); // the second
    report.changed("connected", "interrupted");
    report.changed("interrupted", "interrupted");
    report.lasted(2, "connected", good);
    report.lasted(4, "connected", poor);
    report.lasted(8, "interrupted", undefined);
    report.lasted(16, "connecting", undefined); // is no quality
    report.ended("connected", true, true);
    report.ended("interrupted", true, false);
    report.ended("interrupted", false, false);
    report.ended("connecting", false, false); // who left before
    expect(report.toJSON()).toEqual({ join_ms: 400, seconds: { good: 2, fair: 0, poor: 4, interrupted: 8 }, links: { direct: 1, relayed: 1, failed: 1 }, interruptions: 1 });
  });

  test("waiting for somebody is no slow join", () => {
    const report = new Report();
    report.joined(0);
    vi.advanceTimersByTime(90_000);
    report.changed("connecting", "connected");
    expect(report.toJSON()).toMatchObject({ join_ms: 0 });
  });

  test("has no more seconds than the server believes of who joined again a moment ago, in proportion", () => {
    const report = new Report();
    report.joined(1);
    vi.advanceTimersByTime(20_000);
    report.changed("connecting", "connected");
    report.lasted(300, "connected", good);
    report.lasted(100, "connected", poor);
    report.joined(2);
    vi.advanceTimersByTime(3000);
    expect(report.toJSON()).toMatchObject({ join_ms: 8000, seconds: { good: 18, fair: 0, poor: 6, interrupted: 0 } });
  });
});

describe("a peer that comes back", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const link = (state: string) => ({ state, close: vi.fn() }) as unknown as Link & { close: ReturnType<typeof vi.fn> };

  test("keeps the link whose media flow, for a moment", () => {
    const handover = new Handover();
    const [flows, broken] = [link("connected"), link("interrupted")];
    handover.leave("ada", flows);
    handover.leave("bob", broken);
    expect(broken.close).toHaveBeenCalledOnce();
    expect(handover.take("eve")).toBeUndefined();
    expect(handover.take("ada")).toBe(flows);
    vi.advanceTimersByTime(10_000);
    expect(flows.close).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("who does not is heard no more", () => {
    const handover = new Handover();
    const [first, second, third] = [link("connected"), link("connected"), link("connected")];
    handover.leave("ada", first);
    handover.leave("ada", second); // another device of the same person
    expect(first.close).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(300);
    expect(second.close).toHaveBeenCalledOnce();
    expect(handover.take("ada")).toBeUndefined();
    handover.leave("ada", third);
    handover.close();
    expect(third.close).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("what oneself sends", () => {
  test("a muted microphone sends nothing, a muted camera black, and nothing ends", () => {
    const track = () => Object.assign(new EventTarget(), { readyState: "live", enabled: true }) as unknown as MediaStreamTrack;
    const [audio, video] = [track(), track()];
    const own = new OwnMedia(() => undefined);
    own.set("audio", audio);
    own.set("video", video);
    expect(own.sent).toEqual({ audio, video, screen: null });
    own.mute("audio", true);
    own.mute("video", true);
    expect([own.sent, own.media, own.tracks.audio, audio.enabled, video.enabled]).toEqual([{ audio: null, video, screen: null }, { audio: false, video: false, screen: false }, audio, false, false]);
    own.mute("audio", false);
    expect([own.sent.audio, audio.enabled]).toEqual([audio, true]);
  });
});
