import { beforeEach, describe, expect, test } from 'vitest';
import { Catalog, type Entry } from './catalog.ts';

let stored: Record<string, string>;
const storage = { getItem: (key: string) => stored[key] ?? null, setItem: (key: string, value: string) => void (stored[key] = value) };
const polar: Entry = { id: 'x', kind: 'bluetooth', name: 'Left', device: { id: 'abc', name: 'Polar H10 0002' } };

beforeEach(() => void (stored = {}));

describe('Catalog', () => {
  test('keeps entries, per person, and sees what another tab keeps', () => {
    const [ada, adaToo, bob] = [new Catalog('ada', storage), new Catalog('ada', storage), new Catalog('bob', storage)];
    ada.put(polar);
    expect(adaToo.entries).toEqual([polar]);
    adaToo.put({ ...polar, running: true });
    expect(ada.entries).toEqual([{ ...polar, running: true }]);
    expect(bob.entries).toEqual([]);
    ada.remove('x');
    expect(adaToo.entries).toEqual([]);
    expect(new Catalog('ada', storage).machine).toBe(ada.machine);
  });

  test('a part of the computer is always the same sensor', () => {
    const catalog = new Catalog('ada', storage);
    expect(catalog.idOf('motion')).toBe(`${catalog.machine}-motion`);
    expect(catalog.idOf('motion')).toMatch(/^[a-z2-9]{8}-motion$/);
  });

  test('a device is the same sensor by its id, and by its name after the browser gave it another id', () => {
    const catalog = new Catalog('ada', storage);
    catalog.put(polar);
    expect(catalog.idOf('bluetooth', { id: 'abc', name: '' })).toBe('x');
    expect(catalog.idOf('bluetooth', { id: 'other', name: 'Polar H10 0002' })).toBe('x');
  });

  test('two devices of one name are two sensors', () => {
    const catalog = new Catalog('ada', storage);
    const first = { ...polar, id: catalog.idOf('bluetooth', polar.device) };
    catalog.put(first);
    expect(first.id).toBe(`${catalog.machine}-Polar-H10-0002`);
    expect(catalog.idOf('bluetooth', { id: 'other', name: 'Polar H10 0002' }, (id) => id === first.id)).toBe(`${first.id}-2`);
  });

  test('names become ids that the server takes', () => {
    const catalog = new Catalog('ada', storage);
    for (const name of ['', '心拍計', 'a/b c', 'x'.repeat(300)]) {
      expect(catalog.idOf('bluetooth', { id: name, name })).toMatch(/^[A-Za-z0-9_.:-]{1,128}$/);
    }
  });

  test.each(['', '{', 'null', '[]', '{"machine":1}', '{"machine":"m","entries":[{"id":1}]}', '{"machine":"m","entries":{}}'])('what is there and not ours (%s) is not taken', (text) => {
    stored['sensocto.sense.ada'] = text;
    expect(new Catalog('ada', storage).entries).toEqual([]);
  });
});
