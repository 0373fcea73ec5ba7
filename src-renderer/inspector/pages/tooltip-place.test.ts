import { expect, it } from 'vitest';
import { tooltipPlace, type Box } from './tooltip-place';

const ROOM = { width: 800, height: 600 };
const SIZE = { width: 250, height: 100 };
const cellAt = (column: number, row: number): Box => ({ x: column * 12, y: row * 12, width: 12, height: 12 });
const covers = ({ x, y }: { x: number; y: number }, box: Box): boolean =>
  x < box.x + box.width && box.x < x + SIZE.width && y < box.y + box.height && box.y < y + SIZE.height;

it('a tooltip stands inside the view and never on its cell, wherever that is', () => {
  for (let column = 0; column < 66; column += 3) {
    for (let row = 0; row < 50; row += 3) {
      const place = tooltipPlace(cellAt(column, row), SIZE, ROOM, []);
      expect(place.x).toBeGreaterThanOrEqual(0);
      expect(place.y).toBeGreaterThanOrEqual(0);
      expect(place.x + SIZE.width).toBeLessThanOrEqual(ROOM.width);
      expect(place.y + SIZE.height).toBeLessThanOrEqual(ROOM.height);
      expect(covers(place, cellAt(column, row))).toBe(false);
    }
  }
});

it('it leaves its whole row in view where there is room above or below', () => {
  for (let row = 0; row < 50; row += 1) {
    const { y } = tooltipPlace(cellAt(20, row), SIZE, ROOM, []);
    expect(y + SIZE.height <= row * 12 || y >= row * 12 + 12).toBe(true);
  }
});

it('it leaves the neighbours of the same state in view, in its row and in the one above', () => {
  // A run from the middle of one row to the middle of the next, as the lost writes in the picture.
  const run = [...Array(34).keys()]
    .map((index) => cellAt(30 + index, 20))
    .concat([...Array(13).keys()].map((index) => cellAt(index, 21)));
  for (const cell of run) {
    const place = tooltipPlace(cell, SIZE, ROOM, run);
    expect(run.filter((box) => covers(place, box))).toEqual([]);
  }
});
