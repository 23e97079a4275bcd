/** The part of a canvas context that drawing uses; tests record its calls. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | 'fillStyle' | 'strokeStyle' | 'lineWidth' | 'lineJoin' | 'lineCap' | 'globalAlpha' | 'font' | 'textAlign' | 'textBaseline'
  | 'beginPath' | 'moveTo' | 'lineTo' | 'stroke' | 'fill' | 'rect' | 'arc' | 'closePath' | 'clip' | 'save' | 'restore'
  | 'fillRect' | 'clearRect' | 'strokeRect' | 'fillText' | 'measureText' | 'setLineDash' | 'drawImage'
>;

/** Surfaces that are not measured yet. */
const fresh = new Set<Surface>();

// All that were made in one task are measured together: the page is laid out once and not for each, since a canvas that
// is given its size changes the layout.
function measureFresh(): void {
  const boxes = [...fresh].map((s) => [s, s.canvas.getBoundingClientRect()] as const);
  fresh.clear();
  for (const [surface, box] of boxes) surface.fit(box);
}

/**
 * A canvas whose pixels are those of the screen. Width and height are in device
 * pixels, 0 until the task that made it is over; `ratio` of them make a CSS pixel.
 */
export class Surface {
  readonly pen: CanvasRenderingContext2D;
  width = 0;
  height = 0;
  ratio = 1;
  readonly #observer: ResizeObserver;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly resized: () => void,
    opaque = true,
  ) {
    const pen = canvas.getContext('2d', { alpha: !opaque });
    if (!pen) throw new Error('this browser has no canvas');
    this.pen = pen;
    this.#observer = new ResizeObserver((list) => this.#measure(list[0]));
    try {
      this.#observer.observe(canvas, { box: 'device-pixel-content-box' });
    } catch {
      this.#observer.observe(canvas); // Safari
    }
    if (fresh.size === 0) queueMicrotask(measureFresh);
    fresh.add(this);
  }

  destroy(): void {
    fresh.delete(this);
    this.#observer.disconnect();
  }

  /** Gives the canvas the pixels of its box, in CSS pixels. */
  fit({ width, height }: { readonly width: number; readonly height: number }): void {
    const ratio = window.devicePixelRatio || 1;
    this.#resize(Math.round(width * ratio), Math.round(height * ratio), ratio);
  }

  #measure(entry: ResizeObserverEntry | undefined): void {
    const exact = entry?.devicePixelContentBoxSize?.[0];
    if (exact) this.#resize(exact.inlineSize, exact.blockSize, window.devicePixelRatio || 1);
    else this.fit(this.canvas.getBoundingClientRect());
  }

  #resize(width: number, height: number, ratio: number): void {
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    this.width = this.canvas.width = width;
    this.height = this.canvas.height = height;
    this.ratio = ratio;
    this.resized();
  }
}
