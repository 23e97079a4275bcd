import type { Layout } from './layout.ts';

/** The tile to which a key leads from another one; undefined for other keys and at the edges. */
export function stepFrom(layout: Layout, index: number, key: string): number | undefined {
  const tile = layout.tiles[index];
  if (!tile) return undefined;
  switch (key) {
    case 'ArrowRight':
      return layout.tiles[index + 1] && index + 1;
    case 'ArrowLeft':
      return layout.tiles[index - 1] && index - 1;
    case 'ArrowDown':
      return layout.tiles.find((t) => t.y > tile.y && t.x >= tile.x - 1)?.index ?? layout.tiles.findLast((t) => t.y > tile.y)?.index;
    case 'ArrowUp':
      return layout.tiles.findLast((t) => t.y < tile.y && t.x <= tile.x + 1)?.index;
    case 'Home':
      return 0;
    case 'End':
      return layout.tiles.length - 1;
    default:
      return undefined;
  }
}
