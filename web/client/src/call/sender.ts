import type { Bitrates } from "./bitrates.js";
import type { MediaKind } from "./link.js";

/** Bounds what a sender sends. Sound goes before pictures; a camera loses sharpness first, a screen smoothness. */
export async function limit(sender: RTCRtpSender, kind: MediaKind, bitrates: Bitrates): Promise<void> {
  const parameters: RTCRtpSendParameters & { degradationPreference?: string } = sender.getParameters();
  const encoding = parameters.encodings[0];
  if (!encoding) return; // not negotiated yet: it is done after that
  const priority = kind === "audio" ? "high" : "low";
  const maxBitrate = bitrates[kind];
  const smaller = kind === "video" ? Math.max(1, (sender.track?.getSettings().height ?? 0) / bitrates.height) : 1;
  const active = maxBitrate > 0;
  if (encoding.active === active && (!active || (encoding.maxBitrate === maxBitrate && encoding.priority === priority && (encoding.scaleResolutionDownBy ?? 1) === smaller))) return;
  Object.assign(encoding, { active, priority, networkPriority: priority, ...(active && { maxBitrate }), ...(kind !== "audio" && { scaleResolutionDownBy: smaller }) });
  if (kind !== "audio") parameters.degradationPreference = kind === "screen" ? "maintain-resolution" : "maintain-framerate";
  await sender.setParameters(parameters).catch(() => undefined); // overtaken by a negotiation, which does it again
}

/** Stops a sender and starts it again. */
export async function restart(sender: RTCRtpSender): Promise<void> {
  for (const active of [false, true]) {
    const parameters = sender.getParameters();
    const encoding = parameters.encodings[0];
    if (!encoding || (!active && encoding.active === false)) return; // not negotiated yet, or not shown
    encoding.active = active;
    await sender.setParameters(parameters);
  }
}
