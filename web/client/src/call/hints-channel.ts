import { type Hints, readHints, writeHints } from "./hints.js";

const label = "sensocto-hints";

/** The data channel over which two peers tell each other hints. It is no harm where the other does not understand. */
export class HintsChannel {
  #channel: RTCDataChannel | undefined;
  #told: Hints = {};
  #heard: Hints = {};
  #changed: (before: Hints) => void;

  /** The peer that offers opens the channel. changed is called when the other has said something. */
  constructor(connection: RTCPeerConnection, opens: boolean, changed: (before: Hints) => void) {
    this.#changed = changed;
    connection.addEventListener("datachannel", ({ channel }) => this.#over(channel));
    if (opens) this.#over(connection.createDataChannel(label));
  }

  /** What this side has told last. */
  get told(): Hints {
    return this.#told;
  }

  /** What the peer has said. */
  get heard(): Hints {
    return this.#heard;
  }

  /** Tells the peer what has changed. */
  tell(hints: Hints): void {
    this.#told = { ...this.#told, ...hints };
    this.#send();
  }

  #over(channel: RTCDataChannel): void {
    if (channel.label !== label) return;
    this.#channel = channel;
    channel.addEventListener("open", () => this.#send());
    channel.addEventListener("message", ({ data }) => {
      const before = this.#heard;
      this.#heard = { ...before, ...readHints(data) };
      this.#changed(before);
    });
  }

  #send(): void {
    if (this.#channel?.readyState === "open" && Object.keys(this.#told).length > 0) this.#channel.send(writeHints(this.#told));
  }
}
