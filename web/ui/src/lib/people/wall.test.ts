import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wallGrid } from './wall.ts';

test.each([
  [1, 1920, 1000, 1, 1],
  [2, 1920, 1000, 1, 2], // two wide ones under each other look better than two high ones
  [4, 1920, 1000, 2, 4],
  [9, 1920, 1000, 3, 9],
  [4, 390, 800, 1, 4],
  [0, 1920, 1000, 1, 1],
])('%i tiles on %i × %i: %i columns', (tiles, width, height, columns, count) => {
  const grid = wallGrid(tiles, width, height);
  expect([grid.columns, grid.count]).toEqual([columns, count]);
});

test('what does not fit goes on further pages', () => {
  const grid = wallGrid(200, 1920, 1000);
  expect(grid.count).toBeLessThan(200);
  expect(grid.count).toBe(5 * 6);
});

test('tiles never leave the screen, and are never too small', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 320, max: 4000 }), fc.integer({ min: 150, max: 2200 }), (tiles, width, height) => {
      const g = wallGrid(tiles, width, height);
      const rows = g.count / g.columns;
      expect(g.rowHeight * rows + 12 * (rows - 1)).toBeLessThanOrEqual(height);
      expect(g.rowHeight).toBeGreaterThanOrEqual(150);
      expect(g.count).toBeGreaterThanOrEqual(1);
    }),
  );
});
