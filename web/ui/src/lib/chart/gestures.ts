/** What gestures do to a chart. Positions are in CSS pixels from its upper left corner. */
export interface GestureTarget {
  panBy(pixels: number): void;
  zoomAt(factor: number, x: number): void;
  point(x: number, y: number): void;
  leave(): void;
  /** A drag that measures or selects; false: the drag moves the chart. */
  dragStart(x: number, y: number): boolean;
  dragTo(x: number, y: number): void;
  dragEnd(): void;
  /** A key; true where it meant something. */
  key(event: KeyboardEvent): boolean;
}

const WHEEL_ZOOM = 0.0022;
const LINE_PX = 18;

/** Listens to pointers, wheel and keys of the element; returns what ends that. */
export function listen(element: HTMLElement, target: GestureTarget): () => void {
  const ending = new AbortController();
  const options = { signal: ending.signal };
  const pointers = new Map<number, { x: number; y: number }>();
  let dragging = false;
  const at = (e: MouseEvent): { x: number; y: number } => {
    const box = element.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  };

  element.addEventListener('pointerdown', (e) => {
    if (e.button !== 0) return;
    element.setPointerCapture(e.pointerId);
    const p = at(e);
    pointers.set(e.pointerId, p);
    if (pointers.size === 1) dragging = target.dragStart(p.x, p.y);
    else if (dragging) {
      dragging = false;
      target.dragEnd();
    }
  }, options);

  element.addEventListener('pointermove', (e) => {
    const p = at(e);
    const before = pointers.get(e.pointerId);
    if (e.pointerType === 'mouse' || before) target.point(p.x, p.y);
    if (!before) return;
    const other = [...pointers].find(([id]) => id !== e.pointerId)?.[1];
    pointers.set(e.pointerId, p);
    if (dragging) target.dragTo(p.x, p.y);
    else if (other) pinch(target, before, p, other);
    else target.panBy(p.x - before.x);
  }, options);

  const end = (e: PointerEvent): void => {
    pointers.delete(e.pointerId);
    if (dragging) target.dragEnd();
    dragging = false;
  };
  element.addEventListener('pointerup', end, options);
  element.addEventListener('pointercancel', end, options);
  // Where a finger pointed stays readable after it is lifted.
  element.addEventListener('pointerleave', (e) => e.pointerType === 'mouse' && pointers.size === 0 && target.leave(), options);

  element.addEventListener('wheel', (e) => {
    e.preventDefault();
    const unit = e.deltaMode === 1 ? LINE_PX : e.deltaMode === 2 ? element.clientHeight : 1;
    const sideways = e.shiftKey ? e.deltaX || e.deltaY : e.deltaX;
    if (Math.abs(sideways) > Math.abs(e.deltaY) || e.shiftKey) target.panBy(-sideways * unit);
    else target.zoomAt(Math.exp(e.deltaY * unit * WHEEL_ZOOM), at(e).x);
  }, { ...options, passive: false });

  element.addEventListener('keydown', (e) => {
    if (e.target === element && !e.ctrlKey && !e.metaKey && target.key(e)) e.preventDefault();
  }, options);

  return () => ending.abort();
}

/** Two fingers: what was between them stays between them. */
function pinch(target: GestureTarget, before: { x: number; y: number }, now: { x: number; y: number }, other: { x: number; y: number }): void {
  const [was, is] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(now.x - other.x, now.y - other.y)];
  target.panBy((now.x - before.x) / 2);
  if (was > 10 && is > 10) target.zoomAt(was / is, (now.x + other.x) / 2);
}
