import { describe, expect, it } from 'vitest';
import { Playhead } from './playhead.ts';

/** Feeds bursts and returns, frame by frame, how far behind the newest sample the head is. */
function behind(burstMS: number, seconds: number): number[] {
  const p = new Playhead();
  const list: number[] = [];
  let newest = 0;
  for (let now = 0; now < seconds * 1000; now += 16) {
    if (Math.floor(now / burstMS) !== Math.floor((now - 16) / burstMS)) p.arrived((newest = Math.floor(now / burstMS) * burstMS), now);
    list.push(newest - p.advance(now).head);
  }
  return list.slice(list.length / 2);
}

describe('Playhead', () => {
  it('shows at once what comes every 50 ms', () => {
    expect(Math.max(...behind(50, 4))).toBe(0);
  });

  it('goes on evenly between bursts of a second, never ahead of the data', () => {
    const list = behind(1000, 20);
    expect(Math.min(...list)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...list)).toBeLessThan(2600);
    const still = list.filter((x, i) => i > 0 && x === list[i - 1]).length;
    expect(still / list.length).toBeLessThan(0.1);
  });

  it('jumps over what is far behind', () => {
    const p = new Playhead();
    for (let i = 0; i < 5; i++) p.arrived(1000 * i, 1000 * i), p.advance(1000 * i);
    p.arrived(1e6, 6000);
    expect(p.advance(6016).head).toBe(1e6);
  });
});
