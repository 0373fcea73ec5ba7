import { describe, expect, it } from 'vitest';
import { lengthOf, movedTo, rowCount, rowOf, rowsAt, type PairBlock } from './pair-rows';

const HUGE: PairBlock = { name: 'pc.ram', pageSize: 4096, pages: 2 ** 25 };

describe('the rows of a block', () => {
  it.each([512, 4096, 65536])('have every byte of pages of %i in exactly one of them, in order', (pageSize) => {
    const block = { name: 'ram', pageSize, pages: 5 };
    const rows = rowsAt(block, 0, Number.MAX_SAFE_INTEGER);
    expect(rows.length).toBe(rowCount(block));
    let next = 0;
    for (const row of rows) {
      if (row.kind === 'page') expect(row.page * pageSize).toBe(next);
      else {
        expect([row.offset, row.page]).toEqual([next, Math.floor(next / pageSize)]);
        for (const offset of [next, next + 15]) expect(rowOf(block, offset)).toBe(row.number);
        next += 16;
      }
    }
    expect(next).toBe(lengthOf(block));
  });

  it('are told for 128 GiB as for one page', () => {
    const last = lengthOf(HUGE) - 1;
    expect(rowOf(HUGE, last)).toBe(rowCount(HUGE) - 1);
    expect(rowsAt(HUGE, rowCount(HUGE) - 2, 10).map((row) => row.kind === 'bytes' && row.offset)).toEqual([
      last - 31,
      last - 15,
    ]);
  });
});

it.each([
  ['left', 0, 0],
  ['right', 15, 16],
  ['up', 20, 4],
  ['down', 2 ** 37 - 3, 2 ** 37 - 1],
  ['page-down', 3, 3 + 160],
  ['page-up', 100, 0],
  ['row-start', 39, 32],
  ['row-end', 32, 47],
  ['block-start', 99, 0],
  ['block-end', 99, 2 ** 37 - 1],
] as const)('%s moves the cursor from %i to %i', (move, from, to) => {
  expect(movedTo(HUGE, from, move, 10)).toBe(to);
});
