import { expect, test } from 'vitest';
import { NotANumber, numberIn } from './numbers.ts';

test.each([
  ['72', 72],
  [' 36,6 ', 36.6],
  ['-0.5', -0.5],
  ['1e3', 1000],
])('%s', (text, want) => expect(numberIn(text)).toBe(want));

test.each(['', ' ', 'x', '1,2,3', 'Infinity', '12 bpm'])('%s is none', (text) => expect(() => numberIn(text)).toThrow(NotANumber));
