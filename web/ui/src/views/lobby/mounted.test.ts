import type { Sensor } from '@sensocto/client';
import { expect, test } from 'vitest';
import type { PlacedTile } from './layout.ts';
import { nextTiles } from './mounted.svelte.ts';

const tile = (index: number): PlacedTile => ({ key: `t${index}`, sensor: {} as Sensor, x: 0, y: 100 * index, index });
const tiles = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => tile(from + i));
const there = (from: number, to: number) => new Set(tiles(from, to).map((t) => t.key));
const made = (wanted: readonly PlacedTile[], known: ReadonlySet<string>, middle: number) => nextTiles(wanted, known, middle, 3).map((t) => t.index);

test('all tiles are made at once where none is there, and where few are missing', () => {
  expect(made(tiles(0, 9), new Set(), 400)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(made(tiles(20, 29), there(0, 9), 400)).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28]);
  expect(made(tiles(3, 12), there(0, 9), 700)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(made([], there(0, 9), 0)).toEqual([]);
});

test('while somebody scrolls a few are made, the nearest first and in order, and those behind are gone', () => {
  expect(made(tiles(5, 14), there(0, 9), 900)).toEqual([5, 6, 7, 8, 9, 10, 11]);
  expect(made(tiles(5, 14), there(9, 18), 900)).toEqual([6, 7, 8, 9, 10, 11, 12, 13]);
});
