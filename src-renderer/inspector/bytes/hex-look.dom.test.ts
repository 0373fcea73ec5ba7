import { describe, expect, it } from 'vitest';
import { layoutFor, rowWidthOf, type ColumnChoice } from './hex-look.svelte';

describe('the layout of the bytes', () => {
  it.each<[ColumnChoice, number, number, boolean]>([
    [16, 640, 16, false],
    [16, 994, 16, true],
    [32, 994, 32, false],
    [32, 1400, 32, true],
    ['fit', 300, 8, false],
    ['fit', 700, 16, false],
    ['fit', 1200, 32, false],
    ['fit', 2400, 64, true],
  ])('for %s columns in %i px has %i, with notes: %s', (choice, width, columns, notes) =>
    expect(layoutFor(choice, width)).toMatchObject({ columns, notes }),
  );

  it('to fit never takes more room than there is, from the least that eight columns need on', () => {
    for (let width = 420; width < 3000; width += 7) {
      const { columns, metrics } = layoutFor('fit', width);
      expect(rowWidthOf(columns, metrics)).toBeLessThanOrEqual(width);
    }
  });

  it('of 32 columns fits beside both panels of a window 1920 px wide', () => {
    const { columns, metrics } = layoutFor(32, 994);
    expect(rowWidthOf(columns, metrics)).toBeLessThanOrEqual(994);
  });
});
