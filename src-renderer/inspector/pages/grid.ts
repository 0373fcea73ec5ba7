/** Where the cells of a block are on the canvas: row after row, or along a Hilbert curve through a square. */
import { hilbertIndex, hilbertPositions } from './hilbert';

export type CellOrder = 'rows' | 'hilbert';

/** Cells that fit the view whole. */
export interface GridShape {
  readonly order: CellOrder;
  readonly columns: number;
  readonly rows: number;
  /** Pixels from one cell to the next. */
  readonly pitch: number;
}

/** Cells of one page, or a few, are large enough for their textures to be read at a glance; cells of many are smaller. */
const LARGE = { least: 12, most: 14 } as const;
const SMALL = { least: 6, most: 7 } as const;
const MOST_PAGES_IN_LARGE = 8;
/** So that rows begin at round pages. */
const COLUMNS_MULTIPLE = 32;

/** The shape of a view of this size, in pixels. */
export function shapeFor(order: CellOrder, width: number, height: number, perCell: number): GridShape {
  const { least, most } = perCell <= MOST_PAGES_IN_LARGE ? LARGE : SMALL;
  if (order === 'hilbert') {
    const room = Math.min(width, height);
    const side = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, room) / SMALL.least)));
    return { order, columns: side, rows: side, pitch: Math.max(1, Math.min(LARGE.most, Math.floor(room / side))) };
  }
  const fitting = Math.max(1, Math.floor(width / least));
  const columns = fitting < COLUMNS_MULTIPLE ? fitting : fitting - (fitting % COLUMNS_MULTIPLE);
  const pitch = Math.max(1, Math.min(most, Math.floor(width / columns)));
  return { order, columns, rows: Math.max(1, Math.floor(height / pitch)), pitch };
}

/** The zoom (2^zoom pages a cell) with which all pages of a block are in view. */
export function widestZoom(pages: number, shape: (perCell: number) => GridShape): number {
  for (let zoom = 0; ; zoom += 1) {
    const { columns, rows } = shape(2 ** zoom);
    if (Math.ceil(pages / 2 ** zoom) <= columns * rows) return zoom;
  }
}

/** The cells in view of a block: the first and how many, and where each of them is. */
export class PageGrid {
  readonly shape: GridShape;
  readonly perCell: number;
  /** Cells of the whole block. */
  readonly cells: number;
  /** The first cell in view. */
  readonly top: number;
  readonly #positions: Uint32Array | null;

  /** `top` is moved to where a row, or a square, begins, and not past the last screen. */
  constructor(shape: GridShape, perCell: number, pages: number, top: number) {
    this.shape = shape;
    this.perCell = perCell;
    this.cells = Math.ceil(pages / perCell);
    const step = this.step;
    const last = Math.max(0, Math.ceil(this.cells / step) * step - this.capacity);
    this.top = Math.min(Math.max(0, top - (top % step)), last);
    this.#positions = shape.order === 'hilbert' ? positionsOf(shape.columns) : null;
  }

  /** Cells that a view holds. */
  get capacity(): number {
    return this.shape.columns * this.shape.rows;
  }

  /** By how many cells the view can be scrolled: a row, or a square. */
  get step(): number {
    return this.shape.order === 'rows' ? this.shape.columns : this.capacity;
  }

  /** One past the last cell in view. */
  get end(): number {
    return Math.min(this.cells, this.top + this.capacity);
  }

  /** Row × columns + column of each cell in view, from `top` on; null where that is its number. */
  get positions(): Uint32Array | null {
    return this.#positions;
  }

  isInView(cell: number): boolean {
    return cell >= this.top && cell < this.end;
  }

  /** Column and row of a cell; it need not be in view when the order is by rows. */
  placeOf(cell: number): { readonly column: number; readonly row: number } {
    const { columns } = this.shape;
    const index = cell - this.top;
    const position = this.#positions === null ? index : (this.#positions[index] ?? 0);
    return { column: ((position % columns) + columns) % columns, row: Math.floor(position / columns) };
  }

  /** The cell at a column and row of the view; null where the block has none. */
  cellAt(column: number, row: number): number | null {
    const { columns, rows, order } = this.shape;
    if (column < 0 || column >= columns || row < 0 || row >= rows) return null;
    const index = order === 'rows' ? row * columns + column : hilbertIndex(columns, column, row);
    const cell = this.top + index;
    return cell < this.end ? cell : null;
  }

  /** `top` with which a cell is in view, scrolled no farther than needed. */
  topShowing(cell: number): number {
    if (this.isInView(cell)) return this.top;
    const start = cell - (cell % this.step);
    return cell < this.top ? start : Math.max(0, start - this.capacity + this.step);
  }

  /** `top` with which a cell is in the middle. */
  topAround(cell: number): number {
    const before = this.shape.order === 'rows' ? Math.floor(this.shape.rows / 2) * this.shape.columns : 0;
    return Math.max(0, cell - before);
  }
}

const known = new Map<number, Uint32Array>();
function positionsOf(side: number): Uint32Array {
  const positions = known.get(side) ?? hilbertPositions(side);
  known.set(side, positions);
  return positions;
}

/** The moves of the focus by keys. */
export type PageMove = 'left' | 'right' | 'up' | 'down' | 'page-up' | 'page-down' | 'start' | 'end' | 'first' | 'last';

/** Which cell a move leads to from `cell`, which is in view; itself where there is none in that direction. */
export function moved(grid: PageGrid, cell: number, move: PageMove): number {
  const { columns, order } = grid.shape;
  const within = (to: number): number => Math.min(Math.max(0, to), grid.cells - 1);
  const { column, row } = grid.placeOf(cell);
  switch (move) {
    case 'first':
      return 0;
    case 'last':
      return grid.cells - 1;
    case 'page-up':
      return within(cell - grid.capacity);
    case 'page-down':
      return within(cell + grid.capacity);
    case 'start':
      return order === 'rows' ? cell - column : grid.top;
    case 'end':
      return within(order === 'rows' ? cell - column + columns - 1 : grid.end - 1);
    default:
  }
  if (order === 'rows') {
    const to = cell + { left: -1, right: 1, up: -columns, down: columns }[move];
    return to < 0 || to >= grid.cells ? cell : to;
  }
  const [across, down] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[move] as [number, number];
  return grid.cellAt(column + across, row + down) ?? cell;
}

/** The outline of the cells from `from` to before `to` as an SVG path, along the edges of cells `pitch` apart. */
export function outlineOf(grid: PageGrid, from: number, to: number, pitch: number): string {
  const { columns, rows } = grid.shape;
  const inside = new Uint8Array(columns * rows);
  for (let cell = Math.max(from, grid.top); cell < Math.min(to, grid.end); cell += 1) {
    const { column, row } = grid.placeOf(cell);
    inside[row * columns + column] = 1;
  }
  const at = (column: number, row: number): number =>
    column < 0 || column >= columns || row < 0 || row >= rows ? 0 : (inside[row * columns + column] ?? 0);
  const parts: string[] = [];
  for (let row = 0; row <= rows; row += 1) {
    for (let column = 0; column <= columns; column += 1) {
      if (at(column, row) !== at(column, row - 1)) parts.push(`M${column * pitch} ${row * pitch}h${pitch}`);
      if (at(column, row) !== at(column - 1, row)) parts.push(`M${column * pitch} ${row * pitch}v${pitch}`);
    }
  }
  return parts.join('');
}
