import type { Link } from "./link.js";

const graceMS = 300; // a peer that comes back joins at once; the end of a right must be no longer

/**
 * Links whose peer has left the call and may just be coming back under another id: its
 * media flow on until the new link has some.
 */
export class Handover {
  #leaving = new Map<string, { link: Link; timer: ReturnType<typeof setTimeout> }>(); // by user

  /** Keeps the link of a peer that has left for a moment, where its media flow; else closes it. */
  leave(userId: string, link: Link): void {
    this.take(userId)?.close();
    if (link.state !== "connected") return link.close();
    const timer = setTimeout(() => this.take(userId)?.close(), graceMS);
    this.#leaving.set(userId, { link, timer });
  }

  /** Returns the link of a person who has left a moment ago. */
  take(userId: string): Link | undefined {
    const left = this.#leaving.get(userId);
    if (!left) return undefined;
    clearTimeout(left.timer);
    this.#leaving.delete(userId);
    return left.link;
  }

  close(): void {
    for (const userId of [...this.#leaving.keys()]) this.take(userId)?.close();
  }
}
