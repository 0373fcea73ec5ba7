import { describe, expect, it } from 'vitest';
import { moved, outlineOf, PageGrid, shapeFor, widestZoom, type CellOrder, type PageMove } from './grid';

const WIDTH = 828;
const HEIGHT = 620;
const HUGE = 2 ** 25;
const shape = (order: CellOrder, perCell = 1) => shapeFor(order, WIDTH, HEIGHT, perCell);

describe('the cells of a view', () => {
  it('are as in the pictures: 64 columns of 12 pixels at 1280', () => {
    expect(shape('rows')).toEqual({ order: 'rows', columns: 64, rows: 51, pitch: 12 });
    expect(shape('rows', 64)).toMatchObject({ columns: 128, pitch: 6 });
  });

  it('are a square along a Hilbert curve, and never wider than the view', () => {
    const { columns, rows, pitch } = shape('hilbert');
    expect([columns, rows]).toEqual([64, 64]);
    expect(columns * pitch).toBeLessThanOrEqual(HEIGHT);
    for (const [width, height] of [
      [0, 0],
      [5, 900],
      [40, 40],
      [3000, 2000],
    ] as const) {
      for (const order of ['rows', 'hilbert'] as const) {
        const small = shapeFor(order, width, height, 1);
        expect(small.columns * small.rows).toBeGreaterThan(0);
      }
    }
  });

  it.each(['rows', 'hilbert'] as const)(
    'hold all of 128 GiB at the widest zoom, and not at the one before (%s)',
    (order) => {
      const zoom = widestZoom(HUGE, (perCell) => shape(order, perCell));
      const fits = (at: number): boolean => {
        const { columns, rows } = shape(order, 2 ** at);
        return HUGE / 2 ** at <= columns * rows;
      };
      expect([fits(zoom), fits(zoom - 1)]).toEqual([true, false]);
    },
  );
});

describe.each(['rows', 'hilbert'] as const)('a grid in the order %s', (order) => {
  const grid = new PageGrid(shape(order), 1, HUGE, 300_000);

  it('knows where each cell in view is, and which cell is there', () => {
    expect(grid.top).toBeLessThanOrEqual(300_000);
    expect(grid.isInView(300_000)).toBe(true);
    for (let cell = grid.top; cell < grid.end; cell += 1) {
      const { column, row } = grid.placeOf(cell);
      expect(grid.cellAt(column, row)).toBe(cell);
    }
    expect(grid.cellAt(-1, 0)).toBeNull();
    expect(grid.cellAt(0, grid.shape.rows)).toBeNull();
  });

  it('ends with the block', () => {
    const pages = 5003;
    const last = new PageGrid(shape(order), 1, pages, pages);
    expect(last.end).toBe(pages);
    expect(last.end - last.top).toBeGreaterThan(last.capacity - last.step);
    const { column, row } = last.placeOf(pages - 1);
    expect(last.cellAt(column, row)).toBe(pages - 1);
    const small = new PageGrid(shape(order), 1, 3, 100);
    expect([small.top, small.end]).toEqual([0, 3]);
  });

  it('scrolls no farther than a cell needs to be in view', () => {
    for (const cell of [0, 299_999, 300_000, grid.end, HUGE - 1]) {
      const shown = new PageGrid(grid.shape, 1, HUGE, grid.topShowing(cell));
      expect(shown.isInView(cell)).toBe(true);
    }
    expect(grid.topShowing(grid.top + 5)).toBe(grid.top);
    expect(new PageGrid(grid.shape, 1, HUGE, grid.topAround(777_777)).isInView(777_777)).toBe(true);
  });

  it('is walked cell by cell, back to where it began, and not out of the block', () => {
    const back: readonly (readonly [PageMove, PageMove])[] = [
      ['right', 'left'],
      ['down', 'up'],
    ];
    // In the middle of the view of either order.
    const cell = grid.cellAt(20, 20) ?? 0;
    for (const [there, home] of back) {
      const other = moved(grid, cell, there);
      expect(other).not.toBe(cell);
      expect(moved(grid, other, home)).toBe(cell);
    }
    const first = new PageGrid(grid.shape, 1, HUGE, 0);
    for (const move of ['left', 'up', 'page-up', 'start', 'first'] as const) expect(moved(first, 0, move)).toBe(0);
    expect(moved(first, 0, 'last')).toBe(HUGE - 1);
    expect(moved(first, 0, 'page-down')).toBe(grid.capacity);
    expect(moved(first, 5, 'end')).toBe(order === 'rows' ? 63 : grid.capacity - 1);
  });
});

describe('the outline of a selection', () => {
  const grid = new PageGrid({ order: 'rows', columns: 4, rows: 3, pitch: 12 }, 1, 100, 4);
  const edges = (path: string): number => path.split('M').length - 1;

  it('goes around the cells in view, and not between them', () => {
    expect(outlineOf(grid, 4, 8, 10).split('M').slice(1).sort()).toEqual(
      [
        '0 0h10',
        '10 0h10',
        '20 0h10',
        '30 0h10',
        '0 10h10',
        '10 10h10',
        '20 10h10',
        '30 10h10',
        '0 0v10',
        '40 0v10',
      ].sort(),
    );
    // Three cells at the end of one row and one at the start of the next: two shapes.
    expect(edges(outlineOf(grid, 5, 9, 10))).toBe(8 + 4);
    expect(edges(outlineOf(grid, 0, 100, 10))).toBe(2 * (4 + 3));
    expect(outlineOf(grid, 50, 60, 10)).toBe('');
  });
});
