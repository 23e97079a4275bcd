import type { Attachment } from 'svelte/attachments';
import { frameLoop, onThemeChange, theme, type DrawHandle, type Theme } from '../../lib/chart/index.ts';
import { Surface } from '../../lib/chart/surface.ts';
import type { AttributeFeed } from './feed.ts';

/** Draws on a canvas in the page's loop whenever its feed has something new, at most fps times a second. */
export function painter(feed: AttributeFeed, fps: number, paint: (surface: Surface, t: Theme) => void): Attachment<HTMLCanvasElement> {
  return (canvas) => {
    let handle: DrawHandle | undefined;
    const redraw = () => handle?.invalidate();
    const surface = new Surface(canvas, redraw);
    handle = frameLoop().add({ draw: () => paint(surface, theme()) }, { element: canvas, fps });
    const stops = [feed.listen(redraw), onThemeChange(redraw), () => handle?.remove(), () => surface.destroy()];
    return () => stops.forEach((stop) => stop());
  };
}

/** Writes a text into an element whenever its feed has something new: the numbers of tiles pass by Svelte. */
export function writer(feed: AttributeFeed, write: () => string): Attachment<HTMLElement> {
  return (element) => {
    const draw = () => {
      const text = write();
      if (element.textContent !== text) element.textContent = text;
    };
    draw();
    const handle = frameLoop().add({ draw }, { element, fps: 4 });
    const stop = feed.listen(() => handle.invalidate());
    return () => {
      stop();
      handle.remove();
    };
  };
}
