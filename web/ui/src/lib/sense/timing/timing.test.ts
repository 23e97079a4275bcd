import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BeatClock } from './beatClock.ts';
import { SampleClock } from './sampleClock.ts';
import { WallClock } from './wallClock.ts';

const begin = 1_764_000_000_000;

/** A generator of numbers from 0 to 1 that is the same each time. */
function random(seed: number): () => number {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

/** Frames of a device whose clock drifts, over a radio with a shortest way of 20 ms and delays of up to 200 ms. */
function stream({ drift = 0, seconds = 120, rate = 130, count = 73, delays = 200, seed = 1, lose = 0 }) {
  const next = random(seed);
  const clock = new SampleClock({ rate, stamp: 'last' });
  const frames: { true: number[]; placed: Float64Array }[] = [];
  let arrived = 0;
  for (let n = 0; n * count < seconds * rate; n++) {
    const truth = Array.from({ length: count }, (_, i) => begin + ((n * count + i + 1) * 1000) / rate);
    const delay = 20 + next() ** 3 * delays;
    const isLost = next() < lose;
    const end = truth[count - 1] as number;
    const device = 6e11 + (end - begin) / (1 + drift * 1e-6);
    arrived = Math.max(arrived, end + delay);
    if (!isLost) frames.push({ true: truth, placed: clock.place(count, device, arrived)! });
  }
  return { frames, clock };
}

const errors = (frames: { true: number[]; placed: Float64Array }[]) => frames.flatMap((f) => f.true.map((t, i) => (f.placed[i] as number) - t));
const rises = (times: number[]) => times.every((t, i) => i === 0 || t > (times[i - 1] as number));

describe('SampleClock', () => {
  test('jitter of the radio is not in the times', () => {
    const { frames } = stream({});
    const settled = errors(frames.slice(10));
    expect(Math.min(...settled)).toBeGreaterThan(15);
    expect(Math.max(...settled)).toBeLessThan(30); // 20 ms is the shortest way, which cannot be told from the offset
  });

  test.each([-300, -50, 50, 300])('a drift of %i millionths is followed', (drift) => {
    const { frames, clock } = stream({ drift, seconds: 900 });
    expect(Math.abs(clock.drift - drift)).toBeLessThan(60);
    const late = errors(frames.slice(frames.length / 2));
    expect(Math.min(...late)).toBeGreaterThan(10);
    expect(Math.max(...late)).toBeLessThan(35);
  });

  test('lost frames leave a gap of their length', () => {
    const { frames } = stream({ lose: 0.2 });
    const settled = errors(frames.slice(20));
    expect(Math.min(...settled)).toBeGreaterThan(10);
    expect(Math.max(...settled)).toBeLessThan(35);
  });

  test('times rise strictly whatever the radio does', () => {
    const delays = fc.array(fc.tuple(fc.double({ min: 0, max: 1500, noNaN: true }), fc.boolean()), { minLength: 2, maxLength: 60 });
    fc.assert(
      fc.property(delays, fc.integer({ min: 1, max: 80 }), fc.constantFrom('first', 'last'), (delays, count, stamp) => {
        const clock = new SampleClock({ rate: 130, stamp });
        const times: number[] = [];
        let arrival = 0;
        delays.forEach(([delay, lost], n) => {
          const device = (n * count * 1000) / 130;
          arrival = Math.max(arrival, begin + device + delay);
          if (!lost) times.push(...clock.place(count, device, arrival)!);
        });
        expect(rises(times)).toBe(true);
      }),
    );
  });

  test('a frame that comes twice is recognised', () => {
    const clock = new SampleClock({ rate: 100, stamp: 'last' });
    expect(clock.place(2, 20, begin)).toEqual(new Float64Array([begin - 10, begin]));
    expect(clock.place(2, 20, begin + 5)).toBeNull();
    expect(clock.place(2, 40, begin + 20)).toEqual(new Float64Array([begin + 10, begin + 20]));
  });

  test('the stamp of the first sample', () => {
    const clock = new SampleClock({ rate: 100, stamp: 'first' });
    expect(clock.place(3, 1000, begin)).toEqual(new Float64Array([begin - 20, begin - 10, begin]));
    expect(clock.place(3, 1030, begin + 30)).toEqual(new Float64Array([begin + 10, begin + 20, begin + 30]));
  });

  test('a device that started anew goes on after what was', () => {
    const clock = new SampleClock({ rate: 100, stamp: 'last' });
    const before = clock.place(10, 500_000, begin)!;
    const after = clock.place(10, 100, begin + 60)!;
    expect(rises([...before, ...after])).toBe(true);
    expect(after[9]).toBe(begin + 60);
  });

  test('a device that was away for a minute has a gap of a minute', () => {
    const clock = new SampleClock({ rate: 100, stamp: 'last' });
    clock.place(10, 1000, begin);
    expect([...clock.place(10, 61_000, begin + 60_000)!]).toEqual(Array.from({ length: 10 }, (_, i) => begin + 60_000 - 90 + 10 * i));
  });

  test('timestamps that wrap around go on', () => {
    const clock = new SampleClock({ rate: 100, stamp: 'last', wrap: 2 ** 32 });
    clock.place(10, 2 ** 32 - 50, begin);
    expect([...clock.place(10, 50, begin + 100)!].at(-1)).toBe(begin + 100);
    expect(clock.drift).toBe(0);
  });

  test('a computer that was set back an hour is followed', () => {
    const clock = new SampleClock({ rate: 100, stamp: 'last' });
    clock.place(10, 1000, begin);
    const times = clock.place(10, 1100, begin - 3_600_000)!;
    expect(times[9]).toBe(begin - 3_600_000);
    expect(rises([...times, ...clock.place(10, 1200, begin - 3_600_000 + 100)!])).toBe(true);
  });
});

describe('BeatClock', () => {
  test('the last beat of the first packet is at its arrival, earlier ones before it', () => {
    expect(new BeatClock().place([800, 900], begin)).toEqual([begin - 900, begin]);
  });

  test('beats lie as far apart as the intervals say, although packets come once a second', () => {
    const next = random(3);
    const clock = new BeatClock();
    const intervals = Array.from({ length: 200 }, () => 700 + next() * 500);
    let beat = begin;
    const beats = intervals.map((i) => ({ interval: i, at: (beat += i) }));
    const placed: number[] = [];
    for (let tick = begin + 1000; beats.length > 0; tick += 1000) {
      const packet = beats.splice(0, beats.filter((b) => b.at <= tick).length);
      placed.push(...clock.place(packet.map((b) => b.interval), tick));
    }
    expect(rises(placed)).toBe(true);
    const gaps = placed.slice(1).map((t, i) => t - (placed[i] as number));
    expect(gaps.filter((g, i) => Math.abs(g - (intervals[i + 1] as number)) < 0.01).length).toBeGreaterThan(180);
  });

  test('lost beats are a gap', () => {
    const clock = new BeatClock();
    clock.place([1000], begin);
    expect(clock.place([1000], begin + 5000)).toEqual([begin + 5000]);
  });

  test('no beat lies after the packet that brings it, none at the time of another', () => {
    const packets = fc.array(fc.tuple(fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 4 }), fc.integer({ min: 1, max: 3000 })), { maxLength: 50 });
    fc.assert(
      fc.property(packets, (packets) => {
        const clock = new BeatClock();
        let arrival = begin;
        const placed = packets.flatMap(([intervals, wait]) => {
          const times = clock.place(intervals, (arrival += wait));
          expect(times.every((t) => t <= arrival)).toBe(true);
          return times;
        });
        expect(rises(placed)).toBe(true);
      }),
    );
  });
});

test('WallClock is steady through small corrections and follows large ones', () => {
  let [system, steady] = [1000, 0];
  const clock = new WallClock(() => system, () => steady);
  [system, steady] = [1500, 480];
  expect(clock.now()).toBe(1480);
  [system, steady] = [60_000, 500];
  expect(clock.now()).toBe(60_000);
  [system, steady] = [60_010, 510];
  expect(clock.now()).toBe(60_010);
});
