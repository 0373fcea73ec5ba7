import { expect, test } from 'vitest';
import { nextIndex } from './roving';

test.each([
  ['ArrowRight', 0, 5, 3, 1],
  ['ArrowRight', 4, 5, 3, null],
  ['ArrowLeft', 0, 5, 3, null],
  ['ArrowDown', 1, 5, 3, 4],
  ['ArrowDown', 2, 5, 3, null],
  ['ArrowUp', 3, 5, 3, 0],
  ['Home', 4, 5, 3, 0],
  ['End', 0, 5, 3, 4],
  ['End', 0, 0, 3, null],
  ['ArrowDown', 0, 5, 1, 1],
  ['ArrowRight', 0, 5, 1, null],
  ['a', 0, 5, 3, null],
])('%s on %d of %d in %d columns goes to %s', (key, index, count, columns, to) =>
  expect(nextIndex(key, index, count, columns)).toBe(to),
);
