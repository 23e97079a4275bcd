import { expect, test } from 'vitest';
import { Speakers } from './speakers.ts';

test('who is loud speaks, and for a breath longer', () => {
  const speakers = new Speakers();
  const at = (now: number, levels: Record<string, number>) => [...speakers.hear(new Map(Object.entries(levels)), now)].sort();
  expect(at(0, { ada: 0.5, bob: 0.001 })).toEqual(['ada']);
  expect(at(500, { ada: 0, bob: 0.1 })).toEqual(['ada', 'bob']);
  expect(at(900, { ada: 0, bob: 0 })).toEqual(['bob']);
  expect(at(950, { ada: 0 })).toEqual([]); // bob has left
});

test('the set stays the same as long as the same speak', () => {
  const speakers = new Speakers();
  const levels = new Map([['ada', 1]]);
  expect(speakers.hear(levels, 0)).toBe(speakers.hear(levels, 100));
});
