// Trace keeps the last samples of one sensor's attributes and draws one of them.
const capacity = 20000;

export class Trace {
  #canvas;
  #series = new Map(); // attribute → [{t, lo, hi}], oldest first
  #due = false;
  attribute = "";

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  // add takes samples {timestamp, payload} and buckets {from, min, max}.
  add(attribute, items, fresh) {
    if (fresh || !this.#series.has(attribute)) this.#series.set(attribute, []);
    const points = this.#series.get(attribute);
    for (const i of items) {
      if (typeof i.payload === "number") points.push({ t: i.timestamp, lo: i.payload, hi: i.payload });
      else if (typeof i.min === "number") points.push({ t: i.from, lo: i.min, hi: i.max });
    }
    if (points.length > capacity) points.splice(0, points.length - capacity / 2);
    if (attribute === this.attribute) this.redraw();
  }

  clear() { this.#series.clear(); this.redraw(); }

  last() { return this.#series.get(this.attribute)?.at(-1); }

  redraw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => { this.#due = false; this.#draw(); });
  }

  #draw() {
    const c = this.#canvas, g = c.getContext("2d"), scale = devicePixelRatio;
    const w = (c.width = c.clientWidth * scale), h = (c.height = c.clientHeight * scale);
    const all = this.#series.get(this.attribute) ?? [];
    if (all.length < 2) return;
    // Ten seconds of a waveform, ten minutes of what is measured now and then.
    const end = all.at(-1).t, some = all.at(-Math.min(all.length, 50)).t;
    const span = (end - some) / Math.min(all.length, 50) < 200 ? 10_000 : 600_000;
    const points = all.filter((p) => p.t > end - span);
    const low = points.reduce((m, p) => Math.min(m, p.lo), Infinity), high = points.reduce((m, p) => Math.max(m, p.hi), -Infinity);
    const x = (t) => w * (1 - (end - t) / span), y = (v) => h * (0.95 - (0.9 * (v - low)) / (high - low || 1));
    g.strokeStyle = g.fillStyle = getComputedStyle(c).color;
    g.lineWidth = 1.5 * scale;
    g.beginPath();
    for (const p of points) { g.lineTo(x(p.t), y(p.lo)); if (p.hi !== p.lo) g.lineTo(x(p.t), y(p.hi)); }
    g.stroke();
    g.font = `${11 * scale}px system-ui`;
    g.fillText(high.toPrecision(4), 4 * scale, 12 * scale);
    g.fillText(low.toPrecision(4), 4 * scale, h - 4 * scale);
  }
}
