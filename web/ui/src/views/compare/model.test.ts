import { describe, expect, it } from 'vitest';
import type { AttributePane } from '../../lib/chart/attributeseries.ts';
import type { Kind } from '../../lib/chart/kinds.ts';
import { composedPanes } from './model.svelte.ts';

const pane = (label: string, name: string, group: string): AttributePane => ({ label, name, group, unit: '', series: [{} as AttributePane['series'][number]] });
const one = (kind: Kind, ...panes: AttributePane[]) => ({ kind, panes });
const shapes = (overlay: boolean, ...all: ReturnType<typeof one>[]) => composedPanes(all, overlay).map((p) => `${p.label}: ${p.series.length}`);

describe('panes', () => {
  const hearts = ['a', 'b'].map((s) => one('number', pane(`${s} · Heart rate`, 'Heart rate', 'number bpm')));
  const places = ['a', 'b', 'c'].map((s) => one('position', pane(`${s} · Position · longitude`, 'Position · longitude', 'position longitude'), pane(`${s} · Position · latitude`, 'Position · latitude', 'position latitude')));
  it('are of one choice each, or of all of a kind', () => {
    expect(shapes(false, ...hearts)).toEqual(['a · Heart rate: 1', 'b · Heart rate: 1']);
    expect(shapes(true, ...hearts)).toEqual(['Heart rate: 2']);
  });
  it('are two for all positions', () => {
    for (const overlay of [false, true]) expect(shapes(overlay, ...places)).toEqual(['Position · longitude: 3', 'Position · latitude: 3']);
  });
  it('of axes stay apart', () => {
    const axes = ['a', 'b'].map((s) => one('axes', pane(`${s} · Accelerometer`, 'Accelerometer', `axes of ${s} accelerometer`)));
    expect(shapes(true, ...axes).length).toBe(2);
  });
});
