interface Point {
  /** ms by the device's clock. */
  device: number;
  /** ms by ours, when it arrived. */
  arrival: number;
}

/** The fit looks back over this long, in ms. */
const window = 120_000;
/** Drift is estimated once points lie this far apart; until then the clocks are taken to run alike. */
const enough = 20_000;
/** Of each second only the packet with the shortest way counts. */
const cell = 1000;
/** Crystals are better than this; what differs by more comes from the way of the packets. */
const steepest = 0.002;

/**
 * How a device's clock and ours go together, from the times at which its packets arrive. Packets arrive late and
 * never early, so the line that fits is the one below all points: its height is the shortest way of a packet, its
 * slope the drift of the clocks. Of the lower convex hull, the edge over the mean has the least distance to all
 * points (Moon, Skelly, Towsley: Estimation and removal of clock skew from network delay measurements, 1999).
 */
export class Envelope {
  #points: Point[] = [];
  #slope = 1;
  #at: Point = { device: 0, arrival: 0 };

  /** ms of ours in one of the device's. */
  get slope(): number {
    return this.#slope;
  }

  add(device: number, arrival: number): void {
    this.#keep({ device, arrival });
    while (device - (this.#points[0] as Point).device > window) this.#points.shift();
    this.#fit();
  }

  /** Our time for a time of the device. */
  at(device: number): number {
    return this.#at.arrival + (device - this.#at.device) * this.#slope;
  }

  #keep(p: Point): void {
    const last = this.#points.at(-1);
    if (!last || Math.floor(last.device / cell) !== Math.floor(p.device / cell)) this.#points.push(p);
    else if (p.arrival - p.device < last.arrival - last.device) this.#points[this.#points.length - 1] = p;
  }

  #fit(): void {
    const first = this.#points[0] as Point;
    const last = this.#points.at(-1) as Point;
    if (last.device - first.device < enough) return this.#lowest(1);
    const mean = this.#points.reduce((sum, p) => sum + p.device - first.device, first.device * this.#points.length) / this.#points.length;
    const hull = lowerHull(this.#points);
    const i = hull.findIndex((p, i) => i > 0 && p.device >= mean);
    const [a, b] = [hull[i - 1] as Point, hull[i] as Point];
    const slope = (b.arrival - a.arrival) / (b.device - a.device);
    if (Math.abs(slope - 1) > steepest) return this.#lowest(1 + Math.sign(slope - 1) * steepest);
    this.#slope = slope;
    this.#at = a;
  }

  /** The line of this slope below all points. */
  #lowest(slope: number): void {
    const way = (p: Point) => p.arrival - p.device * slope;
    this.#slope = slope;
    this.#at = this.#points.reduce((best, p) => (way(p) < way(best) ? p : best));
  }
}

/** The corners of the convex hull that are seen from below, from left to right. */
function lowerHull(points: readonly Point[]): Point[] {
  const hull: Point[] = [];
  for (const p of points) {
    while (hull.length > 1 && isAbove(hull.at(-2) as Point, hull.at(-1) as Point, p)) hull.pop();
    hull.push(p);
  }
  return hull;
}

function isAbove(a: Point, b: Point, c: Point): boolean {
  return (b.arrival - a.arrival) * (c.device - a.device) >= (c.arrival - a.arrival) * (b.device - a.device);
}
