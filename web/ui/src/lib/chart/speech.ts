import { m } from '../text/index.svelte.ts';
import { measure } from './callipers.ts';
import type { Chart } from './chart.ts';
import { traceName } from './pane.ts';
import { summaryOf } from './summary.ts';

/** What is on the screen, in sentences: what callipers measure, then value, range, trend and rate of each trace. */
export function spoken(chart: Chart): string {
  const { from, to } = chart.view;
  const sentences = chart.panes.flatMap((pane) =>
    pane.series.map((s) => {
      const label = traceName(pane, s);
      const x = summaryOf(s, from, to, chart.msPerColumn);
      if (!x) return m.chart.nothingShown(label);
      const value = (v: number): string => m.chart.reading(v, pane.unit);
      return m.chart.spoken(label, value(x.last), value(x.min), value(x.max), m.chart.trend(x.perMinute, pane.unit), m.chart.rate(x.rate));
    }),
  );
  const c = chart.callipers;
  return [...(c ? [`${m.chart.measuredText(measure(c), chart.panes[c.pane]?.unit ?? '')}.`] : []), ...sentences].join(' ');
}
