/** Something that is drawn by the loop. */
export interface Drawable {
  /** Draws; `now` is that of the animation frame. True asks for another frame. */
  draw(now: number): boolean | void;
}

export interface DrawOptions {
  /** Frames a second at most; 30 by default. */
  readonly fps?: number;
  /** Drawn only while this is on the screen or just outside it. */
  readonly element?: Element;
  /** Goes before others where the time of a frame does not suffice: what answers a gesture. */
  readonly urgent?: boolean;
}

export interface DrawHandle {
  /** Asks for a redraw in one of the next frames. */
  invalidate(): void;
  readonly visible: boolean;
  remove(): void;
}

/** Where frames come from: the browser, or a test. */
export interface FrameSource {
  request(callback: (now: number) => void): number;
  cancel(id: number): void;
  clock(): number;
  /** Reports whether the element can be seen, now and whenever it changes; returns what ends that. */
  observe(element: Element, changed: (visible: boolean) => void): () => void;
  reducedMotion(): boolean;
}

/** Script per frame that drawing may take before the rest waits for the next frame. */
const BUDGET_MS = 6;
/** With reduced motion traces advance in steps of half a second. */
const REDUCED_FPS = 2;

class Entry implements DrawHandle {
  dirty = true;
  visible: boolean;
  drawnAt = -Infinity;
  removed = false;
  stopObserving: () => void = () => {};
  constructor(
    readonly drawable: Drawable,
    readonly interval: number,
    readonly urgent: boolean,
    visible: boolean,
    private readonly loop: FrameLoop,
  ) {
    this.visible = visible;
  }
  invalidate(): void {
    this.dirty = true;
    if (this.visible) this.loop.wake();
  }
  remove(): void {
    this.loop.drop(this);
  }
}

/**
 * The one animation loop of the page. It runs only while something visible waits
 * to be drawn, draws each drawable at most at its rate, and stops for the frame
 * when the budget is used up; those that were left out are first in the next one.
 */
export class FrameLoop {
  #entries: Entry[] = [];
  #next = 0;
  #request = 0;
  #running = false;
  /** Called with the script time (ms) of every frame in which something was drawn; for measurements. */
  meter: ((scriptMS: number, drawn: number) => void) | null = null;

  constructor(private readonly source: FrameSource) {}

  add(drawable: Drawable, options: DrawOptions = {}): DrawHandle {
    const entry = new Entry(drawable, 1000 / (options.fps ?? 30), options.urgent ?? false, options.element === undefined, this);
    this.#entries.push(entry);
    if (options.element) {
      entry.stopObserving = this.source.observe(options.element, (visible) => {
        entry.visible = visible;
        if (visible && entry.dirty) this.wake();
      });
    }
    this.wake();
    return entry;
  }

  /** Drawables of the loop. */
  get size(): number {
    return this.#entries.length;
  }

  wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#request = this.source.request(this.#frame);
  }

  drop(handle: DrawHandle): void {
    const i = this.#entries.indexOf(handle as Entry);
    if (i < 0) return;
    const [entry] = this.#entries.splice(i, 1) as [Entry];
    entry.removed = true;
    entry.stopObserving();
    if (this.#next > i) this.#next--;
    if (this.#entries.length > 0 || !this.#running) return;
    this.source.cancel(this.#request);
    this.#running = false;
  }

  #frame = (now: number): void => {
    this.#running = false;
    const began = this.source.clock();
    const drawn = this.#drawUrgent(now) + this.#drawOthers(now, began);
    if (this.#entries.some((e) => e.dirty && e.visible)) this.wake();
    if (drawn > 0) this.meter?.(this.source.clock() - began, drawn);
  };

  #drawUrgent(now: number): number {
    let drawn = 0;
    for (const entry of this.#entries.slice()) {
      if (entry.urgent && this.#draw(entry, now)) drawn++;
    }
    return drawn;
  }

  #drawOthers(now: number, began: number): number {
    const all = this.#entries;
    let drawn = 0;
    for (let n = all.length; n > 0; n--) {
      const at = this.#next < all.length ? this.#next : 0;
      const entry = all[at];
      if (!entry) break;
      this.#next = at + 1;
      if (entry.urgent || !this.#draw(entry, now)) continue;
      drawn++;
      if (this.source.clock() - began > BUDGET_MS) break;
    }
    return drawn;
  }

  #draw(entry: Entry, now: number): boolean {
    if (!entry.dirty || !entry.visible || entry.removed) return false;
    const interval = entry.urgent || !this.source.reducedMotion() ? entry.interval : 1000 / REDUCED_FPS;
    if (now - entry.drawnAt < interval - 4) return false; // frames of a 60 Hz screen are not exact
    entry.drawnAt = now;
    entry.dirty = false;
    if (entry.drawable.draw(now) === true) entry.dirty = true;
    return true;
  }
}

function browserFrames(): FrameSource {
  const callbacks = new WeakMap<Element, (visible: boolean) => void>();
  const observer = new IntersectionObserver(
    (list) => list.forEach((e) => callbacks.get(e.target)?.(e.isIntersecting)),
    { rootMargin: '64px' },
  );
  const reduced = matchMedia('(prefers-reduced-motion: reduce)');
  return {
    request: (callback) => requestAnimationFrame(callback),
    cancel: (id) => cancelAnimationFrame(id),
    clock: () => performance.now(),
    observe(element, changed) {
      callbacks.set(element, changed);
      observer.observe(element);
      return () => {
        callbacks.delete(element);
        observer.unobserve(element);
      };
    },
    reducedMotion: () => reduced.matches,
  };
}

let shared: FrameLoop | undefined;

/** The loop of the page. */
export function frameLoop(): FrameLoop {
  shared ??= new FrameLoop(browserFrames());
  return shared;
}
