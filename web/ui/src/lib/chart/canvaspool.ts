/** Canvases that are kept at most: as many as the tiles that a large screen shows, and those around them. */
const MOST = 64;
/** Pixels of a canvas that is kept, at most: 4 bytes each. Larger ones are not of tiles. */
const MOST_PIXELS = 1 << 17;

const kept: HTMLCanvasElement[] = [];

/**
 * A canvas for an opaque 2D context, of before where one is left: a new one needs a
 * context and memory for its pixels, which is a good part of what a tile costs that
 * comes into view. What was drawn on it is gone with the size that a Surface gives it.
 */
export const takeCanvas = (): HTMLCanvasElement => kept.pop() ?? document.createElement('canvas');

/** Gives a canvas back that nobody draws on any more; it is taken out of the page. */
export function giveCanvas(canvas: HTMLCanvasElement): void {
  canvas.remove();
  if (kept.length < MOST && canvas.width * canvas.height <= MOST_PIXELS) kept.push(canvas);
}
