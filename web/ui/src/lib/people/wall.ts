/** How tiles are laid out on a big screen. */
export interface WallGrid {
  readonly columns: number;
  /** Pixels. */
  readonly rowHeight: number;
  /** How many tiles fit on the screen. */
  readonly count: number;
}

const gap = 12;
const least = { width: 320, height: 150 };
const aspect = 2.2; // of a tile that looks right

/** The layout in which the tiles of all are as large as can be; beyond what fits, as many as do. */
export function wallGrid(tiles: number, width: number, height: number): WallGrid {
  const most = Math.max(1, Math.floor((width + gap) / (least.width + gap)));
  let best: WallGrid & { size: number } = { columns: 1, rowHeight: Math.max(least.height, height), count: 1, size: -1 };
  for (let columns = 1; columns <= most; columns++) {
    const rows = Math.ceil(Math.max(1, tiles) / columns);
    const fitting = Math.min(rows, Math.max(1, Math.floor((height + gap) / (least.height + gap))));
    const rowHeight = Math.max(least.height, Math.floor((height - (fitting - 1) * gap) / fitting));
    const tileWidth = (width - (columns - 1) * gap) / columns;
    const whole = fitting === rows ? 1e6 : 0; // all on one screen goes before size
    const size = whole + Math.min(tileWidth, rowHeight * aspect) + (fitting === rows ? 0 : columns * fitting * 1e3);
    if (size > best.size) best = { columns, rowHeight, count: columns * fitting, size };
  }
  return best;
}
