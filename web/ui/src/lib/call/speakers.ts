const loud = 0.02; // of full scale: -34 dB
const holdMS = 800; // a breath between two words

/** Finds out who speaks, from how loud each is. */
export class Speakers {
  #heard = new Map<string, number>();
  #speaking: ReadonlySet<string> = new Set();

  /** Takes the levels at a time in ms. The set that it returns is another one only where somebody began or ended. */
  hear(levels: ReadonlyMap<string, number>, now: number): ReadonlySet<string> {
    for (const [id, level] of levels) if (level >= loud) this.#heard.set(id, now);
    for (const [id, at] of this.#heard) if (!levels.has(id) || now - at > holdMS) this.#heard.delete(id);
    if (this.#heard.size !== this.#speaking.size || [...this.#heard.keys()].some((id) => !this.#speaking.has(id))) this.#speaking = new Set(this.#heard.keys());
    return this.#speaking;
  }
}
