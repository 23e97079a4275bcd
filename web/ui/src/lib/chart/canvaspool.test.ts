import { expect, test, vi } from 'vitest';
import { giveCanvas, takeCanvas } from './canvaspool.ts';

test('canvases are used again, but neither many nor large ones are kept', () => {
  let made = 0;
  vi.stubGlobal('document', { createElement: () => ({ made: ++made, width: 0, height: 0, remove: vi.fn() }) });
  const first = takeCanvas();
  giveCanvas(first);
  expect(first.remove).toHaveBeenCalled();
  expect(takeCanvas()).toBe(first);

  const large = Object.assign(takeCanvas(), { width: 1000, height: 1000 });
  giveCanvas(large);
  expect(takeCanvas()).not.toBe(large);

  const many = Array.from({ length: 100 }, takeCanvas);
  many.forEach(giveCanvas);
  made = 0;
  for (let i = 0; i < 100; i++) takeCanvas();
  expect(made).toBe(100 - 64);
  vi.unstubAllGlobals();
});
