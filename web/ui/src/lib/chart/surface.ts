/** The part of a canvas context that drawing uses; tests record its calls. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  | 'fillStyle' | 'strokeStyle' | 'lineWidth' | 'lineJoin' | 'lineCap' | 'globalAlpha' | 'font' | 'textAlign' | 'textBaseline'
  | 'beginPath' | 'moveTo' | 'lineTo' | 'stroke' | 'fill' | 'rect' | 'arc' | 'closePath' | 'clip' | 'save' | 'restore'
  | 'fillRect' | 'clearRect' | 'strokeRect' | 'fillText' | 'measureText' | 'setLineDash' | 'drawImage'
>;

/**
 * A canvas whose pixels are those of the screen. Width and height are in device
 * pixels; `ratio` of them make a CSS pixel. They are 0 until the page was laid out:
 * to ask for them before would lay it out for each canvas of many that are made together.
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
  }

  destroy(): void {
    this.#observer.disconnect();
  }

  #measure(entry: ResizeObserverEntry | undefined): void {
    const ratio = window.devicePixelRatio || 1;
    const exact = entry?.devicePixelContentBoxSize?.[0];
    const box = exact ? null : this.canvas.getBoundingClientRect();
    const width = exact ? exact.inlineSize : Math.round((box?.width ?? 0) * ratio);
    const height = exact ? exact.blockSize : Math.round((box?.height ?? 0) * ratio);
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    this.width = this.canvas.width = width;
    this.height = this.canvas.height = height;
    this.ratio = ratio;
    this.resized();
  }
}
