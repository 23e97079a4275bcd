import { describe, expect, test } from 'vitest';
import { DecodeError } from '../bytes.ts';
import { packet } from '../testing.ts';
import { LineDecoder, longestLine, parseLine } from './nordicUart.ts';

const text = (s: string) => new DataView(new TextEncoder().encode(s).buffer);

describe('LineDecoder', () => {
  test('lines end where they end, not where packets do', () => {
    const lines = new LineDecoder();
    expect(lines.push(text('temp=21'))).toEqual([]);
    expect(lines.push(text('.5\r\n\r\nhum=40\nx'))).toEqual(['temp=21.5', 'hum=40']);
    expect(lines.push(text('\n'))).toEqual(['x']);
  });

  test('a character may be cut in two', () => {
    const lines = new LineDecoder();
    expect(lines.push(packet('32 31 c2'))).toEqual([]);
    expect(lines.push(packet('b0 0a'))).toEqual(['21°']);
  });

  test('a line that is not UTF-8 is refused, the next one is not', () => {
    expect(new LineDecoder().push(packet('ff 0a 31 0a'))).toEqual([new DecodeError('Nordic UART', 'a line that is not UTF-8'), '1']);
  });

  test('a line without an end is refused once, and does not fill the memory', () => {
    const lines = new LineDecoder();
    const out = Array.from({ length: 3 }, () => lines.push(text('x'.repeat(longestLine)))).flat();
    expect(out).toEqual([new DecodeError('Nordic UART', 'a line of more than 4096 bytes')]);
    expect(lines.push(text('y\n1\n'))).toEqual(['1']);
  });

  test('reset forgets a line that was begun', () => {
    const lines = new LineDecoder();
    lines.push(text('temp=2'));
    lines.reset();
    expect(lines.push(text('temp=3\n'))).toEqual(['temp=3']);
  });
});

test.each([
  ['21.5', { numbers: [['value', 21.5]] }],
  ['1, -2; 3e2', { numbers: [['value_1', 1], ['value_2', -2], ['value_3', 300]] }],
  ['temp=21.5 hum: 40', { numbers: [['temp', 21.5], ['hum', 40]] }],
  ['{"temp":21.5,"hum":40}', { numbers: [['temp', 21.5], ['hum', 40]] }],
  ['{"temp":"hot"}', { text: '{"temp":"hot"}' }],
  ['{"temp":', { text: '{"temp":' }],
  ['hello world', { text: 'hello world' }],
  ['temp=NaN', { text: 'temp=NaN' }],
  ['temp=1e999', { text: 'temp=1e999' }],
  ['täglich=1', { text: 'täglich=1' }],
  ['0x10', { text: '0x10' }],
  [',', { text: ',' }],
])('parseLine %s', (line, want) => {
  expect(parseLine(line)).toEqual(want);
});
