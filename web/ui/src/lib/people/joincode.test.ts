import { expect, test } from 'vitest';
import { joinCodeIn } from './joincode.ts';

test.each([
  ['ABCDE-12345', 'ABCDE12345'],
  ['  abcde 12345 ', 'ABCDE12345'],
  ['https://sensors.example.org/account#join=ABCDE-12345', 'ABCDE12345'],
  ['https://sensors.example.org/rooms#join=ABCDE%2D12345', 'ABCDE12345'],
  ['#join=%E0%A4%A', undefined],
  ['https://sensors.example.org/rooms', undefined],
  ['', undefined],
  ['short', undefined],
])('%s', (text, code) => expect(joinCodeIn(text)).toBe(code));
