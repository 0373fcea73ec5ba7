import { expect, it } from 'vitest';
import type { Row } from './rows';
import { Slots } from './slots';

const segment = { offset: 0, length: 2 ** 20, kind: 'data', pages: null } as const;
const rowsAt = (first: number, count: number): Row[] =>
  Array.from({ length: count }, (_, index) => {
    const from = (first + index) * 16;
    return { kind: 'bytes', from, to: from + 16, segment, base: from, width: 16 };
  });
const slotsOf = (slots: Slots, rows: readonly Row[]): number[] => slots.place(rows).map(({ slot }) => slot);

it('rows that stay keep their element, and those that come take the ones of those that left', () => {
  const slots = new Slots();
  expect(slotsOf(slots, rowsAt(0, 5))).toEqual([0, 1, 2, 3, 4]);
  expect(slotsOf(slots, rowsAt(2, 5))).toEqual([2, 3, 4, 0, 1]);
  expect(slotsOf(slots, rowsAt(1, 5))).toEqual([1, 2, 3, 4, 0]);
});

it('a screen with no row of the one before moves no element', () => {
  const slots = new Slots();
  slots.place(rowsAt(0, 5));
  const before = slotsOf(slots, rowsAt(2, 5));
  expect(slotsOf(slots, rowsAt(1000, 5))).toEqual(before);
});

it('no two rows ever share an element, however many there are', () => {
  const slots = new Slots();
  for (const [first, count] of [
    [0, 30],
    [25, 4],
    [26, 40],
    [1000, 3],
    [1002, 50],
  ] as const) {
    const found = slotsOf(slots, rowsAt(first, count));
    expect(new Set(found).size).toBe(count);
  }
});

it('the line that opens a page and its first row are two', () => {
  const slots = new Slots();
  const [row] = rowsAt(0, 1);
  if (row === undefined) throw new Error('no row');
  expect(slotsOf(slots, [{ kind: 'page', from: 0, to: 0, segment }, row])).toEqual([0, 1]);
});
