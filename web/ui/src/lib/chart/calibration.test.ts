import { describe, expect, it } from 'vitest';
import { CARD_MM, loadCalibration, saveCalibration } from './calibration.ts';
import { grab, measure } from './callipers.ts';
import { paperRange, paperSpan } from './paper.ts';

function storage(): Pick<Storage, 'getItem' | 'setItem'> {
  const map = new Map<string, string>();
  return { getItem: (k) => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v) };
}

describe('calibration', () => {
  it('is that of CSS until the screen was measured, and is remembered', () => {
    const s = storage();
    expect(loadCalibration(s, 1)).toEqual({ pixelsPerMM: 96 / 25.4, measured: false });
    saveCalibration(CARD_MM * 5, s, 1);
    expect(loadCalibration(s, 1)).toEqual({ pixelsPerMM: 5, measured: true });
  });
  it('follows the zoom of the page', () => {
    const s = storage();
    saveCalibration(CARD_MM * 5, s, 1);
    expect(loadCalibration(s, 2).pixelsPerMM).toBe(2.5);
  });
});

describe('paper', () => {
  it('shows 4 s on 100 mm at 25 mm/s, and 2 mV on 20 mm at 10 mm/mV', () => {
    const p = { speed: 25, gain: 10, pixelsPerMM: 5 };
    expect(paperSpan(p, 500)).toBe(4000);
    expect(paperRange(p, 100, 0.5)).toEqual({ lo: -0.5, hi: 1.5 });
  });
});

describe('callipers', () => {
  const c = { pane: 0, timeA: 1000, timeB: 1800, valueA: 0.1, valueB: 1.3 };
  it('measure time, rate and amplitude, from the earlier point to the later one', () => {
    expect(measure(c)).toEqual({ time: 800, perMinute: 75, amplitude: 1.2 });
    expect(measure({ ...c, timeA: 1800, timeB: 1000 }).amplitude).toBeCloseTo(-1.2, 12);
    expect(measure({ ...c, timeB: 1000 }).perMinute).toBeNaN();
  });
  it('are grabbed at the nearer point', () => {
    expect(grab(c, 1100, 0)).toEqual({ ...c, timeA: 1100, valueA: 0 });
    expect(grab(c, 1700, 0)).toEqual({ ...c, timeB: 1700, valueB: 0 });
  });
});
