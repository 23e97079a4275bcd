import type { Pen } from '../surface.ts';

export interface Line {
  readonly points: readonly (readonly [number, number])[];
  readonly style: string;
  readonly width: number;
  readonly dash: readonly number[];
}
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly style: string;
}

/** A pen that records what is drawn with it. */
export class RecordingPen {
  lines: Line[] = [];
  rects: Rect[] = [];
  texts: { text: string; x: number; y: number; style: string }[] = [];
  images = 0;
  fillStyle = '';
  strokeStyle = '';
  lineWidth = 1;
  lineJoin = 'miter';
  lineCap = 'butt';
  globalAlpha = 1;
  font = '';
  textAlign = 'start';
  textBaseline = 'alphabetic';
  #path: [number, number][][] = [];
  #dash: number[] = [];

  get pen(): Pen {
    return this as unknown as Pen;
  }
  clear(): void {
    this.lines = [];
    this.rects = [];
    this.texts = [];
    this.images = 0;
  }
  beginPath(): void {
    this.#path = [];
  }
  moveTo(x: number, y: number): void {
    this.#path.push([[x, y]]);
  }
  lineTo(x: number, y: number): void {
    const last = this.#path.at(-1);
    if (last) last.push([x, y]);
    else this.moveTo(x, y);
  }
  stroke(): void {
    for (const points of this.#path) {
      if (points.length > 1) this.lines.push({ points, style: this.strokeStyle, width: this.lineWidth, dash: this.#dash });
    }
  }
  fillRect(x: number, y: number, width: number, height: number): void {
    this.rects.push({ x, y, width, height, style: this.fillStyle });
  }
  fillText(text: string, x: number, y: number): void {
    this.texts.push({ text, x, y, style: this.fillStyle });
  }
  measureText(text: string): { width: number } {
    return { width: 6 * text.length };
  }
  setLineDash(dash: number[]): void {
    this.#dash = dash;
  }
  drawImage(): void {
    this.images++;
  }
  /** Where there is something of a trace: points of lines, and the ends of the bars of tall columns. */
  traceOf(style: string): (readonly [number, number])[] {
    const bars = this.rects.filter((r) => r.style === style && r.height > 0);
    const ends = bars.flatMap(({ x, y, width, height }) => [[x + width / 2, y], [x + width / 2, y + height]] as const);
    return [...this.lines.filter((l) => l.style === style).flatMap((l) => l.points), ...ends];
  }
  fill(): void {}
  rect(): void {}
  arc(): void {}
  closePath(): void {}
  clip(): void {}
  save(): void {}
  restore(): void {}
  clearRect(): void {}
  strokeRect(): void {}
}
