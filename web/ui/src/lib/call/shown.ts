import type { Attachment } from 'svelte/attachments';

/**
 * Tells how high an element is shown, in pixels of the screen, whenever that changes:
 * 0 while it is not on the screen, or the page is not, unless the picture is in a
 * window of its own.
 */
export function shownHeight(tell: (height: number) => void): Attachment<HTMLElement> {
  return (element) => {
    let visible = false;
    let inWindow = false;
    const update = () => {
      const height = Math.ceil(element.clientHeight * devicePixelRatio);
      tell(inWindow ? Math.max(height, windowHeight) : visible && document.visibilityState === 'visible' ? height : 0);
    };
    const seen = new IntersectionObserver(([entry]) => {
      visible = entry?.isIntersecting ?? false;
      update();
    });
    const size = new ResizeObserver(update);
    const toWindow = (event: Event) => {
      inWindow = event.type === 'enterpictureinpicture';
      update();
    };
    seen.observe(element);
    size.observe(element);
    document.addEventListener('visibilitychange', update);
    element.addEventListener('enterpictureinpicture', toWindow, true);
    element.addEventListener('leavepictureinpicture', toWindow, true);
    return () => {
      seen.disconnect();
      size.disconnect();
      document.removeEventListener('visibilitychange', update);
      element.removeEventListener('enterpictureinpicture', toWindow, true);
      element.removeEventListener('leavepictureinpicture', toWindow, true);
    };
  };
}

const windowHeight = 360;
