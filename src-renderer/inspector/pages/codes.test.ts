import { describe, expect, it } from 'vitest';
import { OVERVIEW_COUNTS, PAGE_CLASSES, PAGE_FLAGS } from '@shared/contracts/inspector-pages';
import { PAGE_STATES, SHOWN_AT_FIRST } from '@shared/page-state/page-state';
import { BLANK, CODES, codesOf, DIMMED, tileOf, type CellFacts, type Tile } from './codes';

const { present, data } = PAGE_FLAGS;
const NOTHING: CellFacts = { cells: 0, flags: null, counts: null, classes: null, entropy: null };
const tiles = (facts: Partial<CellFacts>, layer: 'state' | 'entropy' | 'class' = 'state', pages = 1): Tile[] =>
  [...codesOf({ ...NOTHING, ...facts }, { layer, shown: SHOWN_AT_FIRST }, () => pages)].map(tileOf);

describe('what cells are drawn with', () => {
  it('is the state of a page each', () => {
    const flags = Uint8Array.from([0, present | data, present, data]);
    expect(tiles({ cells: 4, flags })).toEqual(
      ['zero', 'present', 'lost', 'stale'].map((state) => ({ kind: 'state', state })),
    );
  });

  it('is the share of present pages, and a rare state where there is one', () => {
    const counts = Uint32Array.from(
      [{ present: 0 }, { present: 1 }, { present: 1024 }, { present: 2048 }, { present: 2047, stale: 1 }].flatMap(
        (cell) => OVERVIEW_COUNTS.map((name) => (cell as Partial<Record<typeof name, number>>)[name] ?? 0),
      ),
    );
    expect(tiles({ cells: 5, counts }, 'state', 2048)).toEqual([
      { kind: 'state', state: 'zero' },
      { kind: 'density', share: 1 / 32 },
      { kind: 'density', share: 0.5 },
      { kind: 'state', state: 'present' },
      { kind: 'state', state: 'stale' },
    ]);
  });

  it('is class and entropy; where they are not known, that; and zero where there is nothing to look at', () => {
    const flags = Uint8Array.from([0, present | data, present | data, present]);
    const [classes, entropy] = [Uint8Array.from([0, 2, 5, 0]), Uint8Array.from([0, 128, 248, 0])];
    const [zero, unknown] = [
      { kind: 'state', state: 'zero' },
      { kind: 'class', class: 'unknown' },
    ];
    expect(tiles({ cells: 4, flags, classes, entropy }, 'class')).toEqual([
      zero,
      { kind: 'class', class: 'text' },
      { kind: 'class', class: 'compressed' },
      unknown,
    ]);
    expect(tiles({ cells: 4, flags, classes, entropy }, 'entropy')).toEqual([
      zero,
      { kind: 'entropy', share: 16 / 31 },
      { kind: 'entropy', share: 1 },
      unknown,
    ]);
    const counts = Uint32Array.from([0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0]);
    expect(tiles({ cells: 2, counts }, 'class', 64)).toEqual([zero, unknown]);
  });

  it('has a byte for everything, dimmed or not', () => {
    expect(CODES).toBeLessThanOrEqual(256);
    const all = Array.from({ length: DIMMED }, (_, code) => JSON.stringify(tileOf(code)));
    expect(new Set(all).size).toBe(DIMMED);
    expect(tileOf(BLANK)).toEqual({ kind: 'blank' });
    expect(DIMMED).toBe(1 + PAGE_STATES.length + 32 + PAGE_CLASSES.length + 32);
  });
});
