import { describe, expect, it } from 'vitest';
import type { AttributePane } from '../../lib/chart/attributeseries.ts';
import type { Kind } from '../../lib/chart/kinds.ts';
import { composedPanes, tracksOf } from './model.svelte.ts';

const pane = (label: string, name: string, group: string): AttributePane => ({ label, name, group, unit: '', series: [{} as AttributePane['series'][number]] });
let made = 0;
const one = (kind: Kind, ...panes: AttributePane[]) => ({ key: `sensor/${made++}`, kind, panes });
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
  it('of equal names stay apart, each with its own unit', () => {
    const same = ['bpm', '%'].map((unit) => one('number', { ...pane('Chest · Value', 'Value', `number ${unit}`), unit }));
    expect(composedPanes(same, false).map((p) => [p.label, p.unit, p.series.length])).toEqual([['Chest · Value', 'bpm', 1], ['Chest · Value', '%', 1]]);
  });
});

describe('tracks', () => {
  const place = (sensor: string, attribute: string) => ({ ...one('position', pane('', '', ''), pane('', '', '')), sensor, attribute });
  it('are called like their sensor, and like the attribute where one sensor has two', () => {
    expect(tracksOf([place('Ada', 'Position'), place('Bo', 'Front'), place('Bo', 'Back')]).map((t) => t.sensor)).toEqual(['Ada', 'Bo · Front', 'Bo · Back']);
  });
});
