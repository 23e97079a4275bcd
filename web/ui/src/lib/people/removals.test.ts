import { beforeEach, expect, test, vi } from 'vitest';

vi.mock('../design/index.ts', () => ({ toasts: { show: vi.fn() } }));
vi.mock('../app/errors.ts', () => ({ explain: (e: Error) => e.message }));
const { Removals } = await import('./removals.svelte.ts');

let told: { text: string; undo: () => void; closed: () => void }[];
let failures: string[];
let removals: InstanceType<typeof Removals>;

beforeEach(() => {
  told = [];
  failures = [];
  removals = new Removals({ undoable: (text, undo, closed) => told.push({ text, undo, closed }), failed: (text) => failures.push(text) });
});

const settled = () => new Promise((resolve) => setTimeout(resolve));

test('what is removed is hidden at once and removed when the message closes', async () => {
  const run = vi.fn(async () => undefined);
  removals.remove('a', 'Removed.', run);
  expect(removals.hides('a')).toBe(true);
  expect(run).not.toHaveBeenCalled();
  told[0]!.closed();
  await settled();
  expect(run).toHaveBeenCalledOnce();
  expect(removals.hides('a')).toBe(true); // until the list is read again
});

test('undo keeps it, and the closing message removes nothing then', async () => {
  const run = vi.fn(async () => undefined);
  const back = vi.fn();
  removals.remove('a', 'Removed.', run, back);
  told[0]!.undo();
  told[0]!.closed();
  await settled();
  expect(run).not.toHaveBeenCalled();
  expect(back).toHaveBeenCalledOnce();
  expect(removals.hides('a')).toBe(false);
});

test('undo after it was removed does nothing', async () => {
  const back = vi.fn();
  removals.remove('a', 'Removed.', async () => undefined, back);
  told[0]!.closed();
  told[0]!.undo();
  await settled();
  expect(back).not.toHaveBeenCalled();
});

test('several wait independently, and the end of the page removes all', async () => {
  const done: string[] = [];
  for (const key of ['a', 'b', 'c']) removals.remove(key, key, async () => done.push(key));
  told[1]!.undo();
  removals.flush();
  removals.flush();
  await settled();
  expect(done).toEqual(['a', 'c']);
});

test('a refusal shows it again and says why', async () => {
  const back = vi.fn();
  removals.remove('a', 'Removed.', () => Promise.reject(new Error('the last way to sign in')), back);
  told[0]!.closed();
  await settled();
  expect(removals.hides('a')).toBe(false);
  expect(back).toHaveBeenCalledOnce();
  expect(failures).toEqual(['the last way to sign in']);
  removals.remove('a', 'Removed.', async () => undefined);
  expect(told).toHaveLength(2); // it can be tried again
});

test('removing the same twice asks once', () => {
  removals.remove('a', 'Removed.', async () => undefined);
  removals.remove('a', 'Removed.', async () => undefined);
  expect(told).toHaveLength(1);
});
