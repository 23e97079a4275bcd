import { describe, expect, it } from 'vitest';
import { FrameLoop, type FrameSource } from './loop.ts';

class Frames implements FrameSource {
  now = 0;
  pending: ((now: number) => void) | null = null;
  reduced = false;
  seen: ((visible: boolean) => void)[] = [];
  observers = 0;
  request(callback: (now: number) => void): number {
    this.pending = callback;
    return 1;
  }
  cancel(): void {
    this.pending = null;
  }
  clock(): number {
    return this.now;
  }
  observe(_: Element, changed: (visible: boolean) => void): () => void {
    this.seen.push(changed);
    this.observers++;
    return () => void this.observers--;
  }
  reducedMotion(): boolean {
    return this.reduced;
  }
  /** Runs frames of a 60 Hz screen; reports how many the loop wanted. */
  run(frames: number): number {
    let wanted = 0;
    for (let i = 0; i < frames; i++) {
      this.now = Math.ceil(this.now / (1000 / 60) + 1e-6) * (1000 / 60);
      const callback = this.pending;
      this.pending = null;
      if (!callback) continue;
      wanted++;
      callback(this.now);
    }
    return wanted;
  }
}

const element = {} as Element;

describe('FrameLoop', () => {
  it('draws at most at the rate, and stops when nothing is to be drawn', () => {
    const frames = new Frames();
    const loop = new FrameLoop(frames);
    let left = 10;
    let drawn = 0;
    loop.add({ draw: () => (drawn++, --left > 0) }, { fps: 30 });
    frames.run(60);
    expect(drawn).toBe(10);
    expect(frames.run(5)).toBe(0);
  });

  it('draws 30 times a second of 60 frames', () => {
    const frames = new Frames();
    let drawn = 0;
    new FrameLoop(frames).add({ draw: () => (drawn++, true) });
    frames.run(60);
    expect(drawn).toBeGreaterThanOrEqual(29);
    expect(drawn).toBeLessThanOrEqual(31);
  });

  it('does not draw what cannot be seen, and draws it when it can', () => {
    const frames = new Frames();
    let drawn = 0;
    const handle = new FrameLoop(frames).add({ draw: () => void drawn++ }, { element });
    handle.invalidate();
    frames.run(10);
    expect(drawn).toBe(0);
    frames.seen[0]?.(true);
    frames.run(10);
    expect(drawn).toBe(1);
  });

  it('stops a frame at its budget and goes on with those that were left out', () => {
    const frames = new Frames();
    const loop = new FrameLoop(frames);
    const order: number[] = [];
    for (let i = 0; i < 6; i++) loop.add({ draw: () => (order.push(i), (frames.now += 4), true) });
    frames.run(3);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('draws what is urgent first', () => {
    const frames = new Frames();
    const loop = new FrameLoop(frames);
    const order: string[] = [];
    loop.add({ draw: () => void order.push('tile') });
    loop.add({ draw: () => void order.push('chart') }, { urgent: true });
    frames.run(1);
    expect(order).toEqual(['chart', 'tile']);
  });

  it('goes in steps of half a second where motion is reduced', () => {
    const frames = new Frames();
    frames.reduced = true;
    let drawn = 0;
    new FrameLoop(frames).add({ draw: () => (drawn++, true) });
    frames.run(120);
    expect(drawn).toBe(4);
  });

  it('lets go of what is removed', () => {
    const frames = new Frames();
    const loop = new FrameLoop(frames);
    let drawn = 0;
    const handle = loop.add({ draw: () => (drawn++, true) }, { element });
    frames.seen[0]?.(true);
    frames.run(1);
    handle.remove();
    handle.invalidate();
    frames.run(5);
    expect([drawn, loop.size, frames.observers]).toEqual([1, 0, 0]);
  });
});
