/** Where a pane is, in device pixels. */
export interface PaneBox {
  readonly top: number;
  readonly height: number;
}

/** Where the parts of a chart are, in device pixels: value axes at the left, the time axis at the bottom. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
  readonly left: number;
  readonly plotWidth: number;
  readonly panes: readonly PaneBox[];
  /** Top of the time axis. */
  readonly axisTop: number;
}

const GUTTER = 52;
const RIGHT = 18;
export const AXIS = 38;
/** Above each pane: its title. */
export const TITLE = 18;

/** Divides a canvas among panes by their weights. */
export function layOut(width: number, height: number, ratio: number, weights: readonly number[]): Layout {
  const left = Math.round(GUTTER * ratio);
  const plotWidth = Math.max(0, width - left - Math.round(RIGHT * ratio));
  const axisTop = Math.max(0, height - Math.round(AXIS * ratio));
  const space = Math.round(TITLE * ratio);
  const free = Math.max(0, axisTop - space * weights.length);
  const total = weights.reduce((a, b) => a + b, 0) || 1;
  const panes: PaneBox[] = [];
  let used = 0;
  weights.forEach((w, i) => {
    const top = Math.round((free * used) / total) + space * (i + 1);
    used += w;
    panes.push({ top, height: Math.round((free * used) / total) + space * (i + 1) - top });
  });
  return { width, height, ratio, left, plotWidth, panes, axisTop };
}

/** The pane at the height y; -1 where there is none. */
export function paneAt(l: Layout, y: number): number {
  return l.panes.findIndex((p) => y >= p.top && y < p.top + p.height);
}
