// What tests and the benchmark do with charts in a page: known signals on real canvases.

import { Chart } from '../../src/lib/chart/chart.ts';
import { frameLoop } from '../../src/lib/chart/loop.ts';
import { Series } from '../../src/lib/chart/series.ts';
import { SweepTrace } from '../../src/lib/chart/sweep.ts';
import { emptyTile } from '../../src/lib/chart/tile.ts';
import { TileCache } from '../../src/lib/chart/tilecache.ts';

const T0 = 1_700_000_000_000;

/** An ECG-like signal, a little different for each trace. */
function ecg(t: number, k: number): number {
  const p = (t * (1 + k * 0.03)) % 1;
  const wave = (at: number, width: number): number => Math.exp(-(((p - at) / width) ** 2));
  return 0.1 * Math.sin(6.28 * p) + 1.2 * wave(0.4, 0.012) - 0.25 * wave(0.43, 0.015) + 0.3 * wave(0.65, 0.04) + 0.02 * Math.sin(t * 6651);
}

/** Sweeps with the signal, which come every 50 ms as from a server; counts what drawing and appending take. */
function sweeps(count: number, rate: number, seconds: number): void {
  const traces = Array.from({ length: count }, (_, k) => {
    const canvas = document.createElement('canvas');
    document.querySelector('#grid')?.append(canvas);
    return new SweepTrace(canvas, { seconds, colours: [(k % 8) + 1] });
  });
  const [times, values] = [new Float64Array(rate), new Float64Array(rate)];
  let sent = 0;
  const give = (until: number): number => {
    const n = Math.min(rate, Math.floor(until * rate) - sent);
    let took = 0;
    for (const [k, trace] of traces.entries()) {
      for (let i = 0; i < n; i++) {
        times[i] = T0 + ((sent + i) * 1000) / rate;
        values[i] = ecg((sent + i) / rate, k);
      }
      const began = performance.now();
      trace.append(times.subarray(0, n), values.subarray(0, n));
      took += performance.now() - began;
    }
    sent += n;
    return took;
  };
  for (let s = 1; s <= seconds; s++) give(s);
  const began = performance.now() - seconds * 1000;
  let appended = 0;
  setInterval(() => (appended += give((performance.now() - began) / 1000)), 50);
  const figures = { frames: [] as number[], longTasks: [] as number[] };
  frameLoop().meter = (ms) => {
    figures.frames.push(ms + appended);
    appended = 0;
  };
  new PerformanceObserver((list) => figures.longTasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
  Object.assign(window, { figures });
}

/** A chart of a 1 mV square of 100 ms on millimetre paper, with so many CSS pixels to the mm. */
function square(pixelsPerMM: number): void {
  localStorage.setItem('sensocto.pixelsPerMM', String(pixelsPerMM * devicePixelRatio));
  const fetch = async (_: number, from: number, to: number) => emptyTile(from, to);
  const series = new Series({ label: 'I', unit: 'mV', colour: 1, rate: 1000, fetch }, new TileCache());
  const element = document.querySelector<HTMLElement>('#chart');
  if (!element) throw new Error('no element');
  const text = { measured: () => '', clipped: () => 'clipped', unit: (unit: string) => unit };
  const chart = new Chart(element, { panes: [{ label: 'ECG', unit: 'mV', series: [series] }], locale: 'en', text, edge: T0 + 3000 });
  const times = Float64Array.from({ length: 6000 }, (_, i) => T0 - 3000 + i);
  series.append(times, times.map((t) => (t >= T0 + 1000 && t < T0 + 1100 ? 1 : 0)));
  chart.usePaper({ speed: 25, gain: 10 });
  chart.arrived();
  Object.assign(window, { chart });
}

Object.assign(window, { sweeps, square, ready: true });
