import { expect, it } from 'vitest';
import { sharesOf } from './shares';

it.each([
  [[908, 191, 40, 36, 4, 5, 0], 36],
  [[1, 0, 0], 36],
  [[1_000_000, 1, 1, 1], 10],
  [[1, 1, 1], 10],
])('%j in %i cells: all of them, and one at least for each', (counts, total) => {
  const shares = sharesOf(counts, total);
  expect(shares.reduce((sum, share) => sum + share)).toBe(total);
  counts.forEach((count, index) => expect((shares[index] ?? 0) > 0).toBe(count > 0));
});

it('of nothing are nothing', () => expect(sharesOf([0, 0], 10)).toEqual([0, 0]));
