import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Source } from '../source.ts';
import { browserOf, machineName, support } from '../support.ts';
import { ScreenLock } from '../wakeLock.ts';
import { wallClock } from '../timing/wallClock.ts';
import { DemoSource } from './demo.ts';
import { Heart } from './heart.ts';
import { decibels, LevelMeter, quietest } from './level.ts';
import { LocationSource } from './location.ts';
import { MarkerSource } from './marker.ts';
import { MotionSource } from './motion.ts';
import { OrientationSource } from './orientation.ts';
import { Pace } from './pace.ts';

let page: EventTarget;

beforeEach(() => {
  vi.useFakeTimers();
  page = new EventTarget();
  vi.stubGlobal('isSecureContext', true);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function listen(source: Source) {
  const numbers: Record<string, [number, number][]> = {};
  const documents: unknown[] = [];
  source.on('numbers', ({ attribute, times, values }) => times.forEach((t, i) => (numbers[attribute] ??= []).push([t, values[i] as number])));
  source.on('document', (d) => documents.push(d.value));
  return { numbers, documents };
}

const happen = (type: string, fields: object) =>
  page.dispatchEvent(Object.defineProperties(new Event(type), Object.getOwnPropertyDescriptors({ timeStamp: performance.now(), ...fields })));

describe('the demo heart', () => {
  test('beats like one at rest, and the ECG peaks at its beats', () => {
    const heart = new Heart();
    const beats = heart.beats(0, 60);
    expect(beats.length).toBeGreaterThan(60);
    expect(beats.length).toBeLessThan(80);
    for (const { at } of beats.slice(1, 20)) {
      const around = [-0.1, 0, 0.1].map((d) => at + d);
      const [before, peak, after] = around.map((t) => new Heart().ecg(t)) as [number, number, number];
      expect(peak).toBeGreaterThan(0.8);
      expect(Math.max(before, after)).toBeLessThan(0.4);
    }
  });

  test('brings every sample once, at its own time, also when the page gets few ticks', async () => {
    let tick: () => void = () => undefined;
    const timer = vi.spyOn(globalThis, 'setInterval').mockImplementation((run) => ((tick = run as () => void), 1 as never));
    const source = new DemoSource();
    const { numbers } = listen(source);
    await source.start();
    const begin = wallClock.now();
    for (const ms of [...Array<number>(20).fill(100), 30_000, 100, 61_234]) {
      await vi.advanceTimersByTimeAsync(ms);
      tick();
    }
    await source.stop();
    timer.mockRestore();
    const ecg = numbers['ecg']!;
    expect(ecg).toHaveLength(Math.floor(93.334 * 250));
    expect(ecg.every(([t], i) => Math.abs(t - begin - 4 * (i + 1)) < 0.01)).toBe(true);
    expect(numbers['heartrate']).toHaveLength(93);
    expect(numbers['heartrate']!.every(([, bpm]) => bpm > 50 && bpm < 95)).toBe(true);
    const sum = numbers['rr_interval']!.reduce((all, [, ms]) => all + ms, 0);
    expect(Math.abs(sum - 93_334)).toBeLessThan(2000);
  });
});

describe('sound level', () => {
  test('a sine at full scale is -3.01, half of it 6.02 less, silence the least', () => {
    const sine = (amplitude: number) => Float32Array.from({ length: 4800 }, (_, i) => amplitude * Math.sin((2 * Math.PI * 480 * i) / 48_000));
    expect(new LevelMeter(4800).push(sine(1))[0]).toBeCloseTo(-3.01, 2);
    expect(new LevelMeter(4800).push(sine(0.5))[0]).toBeCloseTo(-9.03, 2);
    expect(new LevelMeter(4800).push(new Float32Array(4800))).toEqual([quietest]);
    expect(decibels(1)).toBe(0);
  });

  test('windows do not depend on how the sound is cut', () => {
    const sound = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
    const whole = new LevelMeter(100).push(sound);
    const meter = new LevelMeter(100);
    const parts = [0, 128, 256, 384, 512, 640, 768, 896].flatMap((at) => meter.push(sound.subarray(at, at + 128)));
    expect(parts).toEqual(whole);
    expect(parts).toHaveLength(10);
  });
});

test('Pace lets 50 of 60 moments through, and all of 50', () => {
  const count = (rate: number) => {
    const pace = new Pace(50);
    return Array.from({ length: rate * 10 }, (_, i) => pace.allows((i * 1000) / rate)).filter(Boolean).length;
  };
  expect(count(100)).toBe(500);
  expect(count(50)).toBe(500);
  expect(Math.abs(count(60) - 500)).toBeLessThan(110);
});

describe('motion', () => {
  const event = { accelerationIncludingGravity: { x: 0.1234567, y: 0, z: 9.81 }, rotationRate: { alpha: 1, beta: 2, gamma: 3 } };

  test('asks for the permission of iOS, then measures', async () => {
    const requestPermission = vi.fn(async () => 'granted');
    vi.stubGlobal('DeviceMotionEvent', Object.assign(class {}, { requestPermission }));
    const source = new MotionSource();
    const { documents } = listen(source);
    await source.start();
    expect(requestPermission).toHaveBeenCalledOnce();
    happen('devicemotion', event);
    expect(source.status.state).toBe('live');
    expect(documents).toEqual([
      { x: 0.12346, y: 0, z: 9.81 },
      { x: 2, y: 3, z: 1 },
    ]);
    await source.stop();
    happen('devicemotion', event);
    expect(documents).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('says that it was denied, that there is no sensor, that the page is not secure', async () => {
    vi.stubGlobal('DeviceMotionEvent', Object.assign(class {}, { requestPermission: async () => 'denied' }));
    const source = new MotionSource();
    await source.start();
    expect(source.status).toMatchObject({ state: 'failed', error: { why: 'denied' } });
    vi.stubGlobal('DeviceMotionEvent', class {});
    await source.start();
    happen('devicemotion', { accelerationIncludingGravity: { x: null, y: null, z: null } });
    await vi.advanceTimersByTimeAsync(3000);
    expect(source.status).toMatchObject({ state: 'failed', error: { why: 'silent' } });
    vi.stubGlobal('isSecureContext', false);
    await source.start();
    expect(source.status).toMatchObject({ state: 'failed', error: { why: 'insecure' } });
  });
});

test('orientation takes the compass of iOS', async () => {
  vi.stubGlobal('DeviceOrientationEvent', class {});
  const source = new OrientationSource();
  const { documents } = listen(source);
  await source.start();
  happen('deviceorientation', { alpha: 10, beta: 20, gamma: 30, webkitCompassHeading: 90 });
  expect(documents).toEqual([{ alpha: 270, beta: 20, gamma: 30 }]);
  await vi.advanceTimersByTimeAsync(1000);
  happen('deviceorientationabsolute', { alpha: 1, beta: 2, gamma: 3 });
  happen('deviceorientation', { alpha: 4, beta: 5, gamma: 6 }); // not any more
  expect(documents.slice(1)).toEqual([{ alpha: 1, beta: 2, gamma: 3 }]);
  await source.stop();
});

describe('position', () => {
  test('without what is not known, and each position once', async () => {
    let moved: PositionCallback = () => undefined;
    let failed: PositionErrorCallback = () => undefined;
    const clearWatch = vi.fn();
    vi.stubGlobal('navigator', { geolocation: { watchPosition: (m: PositionCallback, f: PositionErrorCallback) => ((moved = m), (failed = f), 7), clearWatch } });
    const source = new LocationSource();
    const { documents } = listen(source);
    await source.start();
    const position = { timestamp: 5, coords: { latitude: 48.2, longitude: 16.4, accuracy: 5, altitude: null, altitudeAccuracy: null, heading: NaN, speed: 0 } };
    moved(position as GeolocationPosition);
    moved(position as GeolocationPosition);
    expect(documents).toEqual([{ latitude: 48.2, longitude: 16.4, accuracy: 5, speed: 0 }]);
    failed({ code: 3, PERMISSION_DENIED: 1 } as GeolocationPositionError);
    expect(source.status.state).toBe('waiting');
    failed({ code: 1, PERMISSION_DENIED: 1 } as GeolocationPositionError);
    expect(source.status).toMatchObject({ state: 'failed', error: { why: 'denied' } });
    expect(clearWatch).toHaveBeenCalledWith(7);
  });
});

test('a marker has the time of the press', async () => {
  const source = new MarkerSource();
  const { documents } = listen(source);
  source.mark('too early', 0);
  await source.start();
  source.mark('stood up', performance.now());
  source.mark('', performance.now());
  expect(documents).toEqual([{ type: 'marker', text: 'stood up' }, { type: 'marker' }]);
});

describe('the screen lock', () => {
  test('is taken again when the page is looked at again, and given back', async () => {
    const locks: (EventTarget & { release: () => Promise<void> })[] = [];
    const request = vi.fn(async () => {
      const lock = Object.assign(new EventTarget(), { release: async () => void lock.dispatchEvent(new Event('release')) });
      locks.push(lock);
      return lock;
    });
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('document', document);
    vi.stubGlobal('navigator', { wakeLock: { request } });
    const states: string[] = [];
    const lock = new ScreenLock((s) => states.push(s));
    await lock.hold();
    document.visibilityState = 'hidden';
    await locks[0]!.release();
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(0);
    await lock.release();
    expect(states).toEqual(['held', 'away', 'held', 'off']);
    document.dispatchEvent(new Event('visibilitychange'));
    expect(request).toHaveBeenCalledTimes(2);
  });

  test('says where it cannot', async () => {
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    vi.stubGlobal('navigator', {});
    const states: string[] = [];
    await new ScreenLock((s) => states.push(s)).hold();
    expect(states).toEqual(['unsupported']);
  });
});

describe('what a browser supports', () => {
  const iPhone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1';
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15';
  const edge = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0';
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

  test('which browser, on which machine', () => {
    expect([browserOf(iPhone), browserOf(mac), browserOf(mac, 5), browserOf(edge), browserOf(firefox)]).toEqual(['safari-ios', 'safari', 'safari-ios', 'chromium', 'firefox']);
    expect([machineName(iPhone), machineName(mac), machineName(edge), machineName(firefox), machineName('')]).toEqual(['Safari, iPhone', 'Safari, Mac', 'Edge, Windows', 'Firefox, Linux', 'Browser']);
  });

  test('what needs https, and what is not there', () => {
    vi.stubGlobal('navigator', { geolocation: {} });
    expect([support('location'), support('bluetooth'), support('demo')]).toEqual(['yes', 'unsupported', 'yes']);
    vi.stubGlobal('isSecureContext', false);
    expect([support('location'), support('marker')]).toEqual(['insecure', 'yes']);
  });
});
