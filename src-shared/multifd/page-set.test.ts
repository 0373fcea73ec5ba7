import { describe, expect, it } from 'vitest';
import { byteCount, fileOffset } from '../bytes/units';
import type { SavedExtent } from '../contracts/channels';
import { PageSet, PageSets } from './page-set';
import type { PlannedExtent } from './places';

const MIB = 1024 * 1024;
const PAGES = 256;

/** The first MiB of a block. */
const planned = (mask?: Uint8Array): PlannedExtent => ({
  extent: { ram: 0, ramOffset: 0, fileOffset: MIB, length: MIB, ...(mask === undefined ? {} : { mask }) },
  block: 0,
  firstPage: 0,
  pages: PAGES,
  work: MIB,
});

const bits = (...pages: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(PAGES / 8);
  for (const page of pages) bytes[page >> 3] = (bytes[page >> 3] ?? 0) | (1 << (page & 7));
  return bytes;
};
const saved = (present: Uint8Array, digest = 0): SavedExtent => ({
  present,
  digests: digest === 0 ? new Uint8Array() : new Uint8Array(8).fill(digest),
});
const presentIn = (set: PageSet): number[] =>
  Array.from({ length: set.pages }, (_, page) => page).filter(
    (page) => ((set.present[page >> 3] ?? 0) >> (page & 7)) & 1,
  );

describe('the pages of a block', () => {
  it('are present as the last report on each of them says', () => {
    const set = new PageSet(MIB, 4096, false);
    set.take(planned(), saved(bits(1, 2, 9)));
    set.take(planned(bits(2, 9, 30)), saved(bits(9, 30)));
    expect(presentIn(set)).toEqual([1, 9, 30]);
    expect([set.presentPages, set.everPresentPages]).toEqual([3, 4]);
  });

  it('are stale when they were written and are zero now', () => {
    const set = new PageSet(MIB, 4096, false);
    set.take(planned(), saved(bits(1, 2, 3, 40)));
    set.take(planned(bits(2, 3, 40)), saved(bits()));
    expect(set.stale()).toEqual([2, 4, 40, 41]);
    set.take(planned(bits(1, 2, 3)), saved(bits(1, 3)));
    expect(set.stale()).toEqual([2, 3, 40, 41]);
  });

  it('are not touched by what a report says about pages that nobody asked for', () => {
    const set = new PageSet(MIB, 4096, false);
    set.take(planned(), saved(bits(5)));
    set.take(planned(bits(6)), saved(bits(6, 7)));
    expect(presentIn(set)).toEqual([5, 6]);
  });

  it('may hold anything where a channel died over them', () => {
    const set = new PageSet(MIB, 4096, false);
    set.lost(planned(bits(10, 11)));
    expect(set.stale()).toEqual([10, 12]);
    set.take(planned(bits(10, 11)), saved(bits(10)));
    expect(set.stale()).toEqual([11, 12]);
  });

  it('have digests until some are written again alone', () => {
    const set = new PageSet(2 * MIB, 4096, true);
    set.take(planned(), saved(bits(1), 7));
    expect(set.digests).toEqual(Uint8Array.of(7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0));
    set.take(planned(bits(1)), saved(bits(1)));
    expect(set.digests).toEqual(new Uint8Array(16));
  });

  it('fill whole 64-bit words; bits past the last page stay clear', () => {
    const set = new PageSet(3 * 4096, 4096, false);
    const three = { ...planned(), pages: 3, extent: { ...planned().extent, length: 3 * 4096 } };
    set.take(three, { present: Uint8Array.of(0xff), digests: new Uint8Array() });
    expect(set.present).toEqual(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0));
    set.lost(three);
    expect(set.stale()).toEqual([]);
  });

  it.each<[string, SavedExtent, boolean]>([
    ['bits', saved(new Uint8Array(31)), false],
    ['digests', saved(bits()), true],
  ])('refuse a report with too few or too many %s', (_, report, digests) => {
    expect(() => new PageSet(MIB, 4096, digests).take(planned(), report)).toThrow('a channel reported');
  });
});

it('the pages of several blocks are kept apart', () => {
  const places = ['a', 'b'].map((name, ram) => ({
    name,
    ram,
    ramOffset: fileOffset(0),
    length: byteCount(MIB),
    pagesOffset: fileOffset(MIB * (1 + 2 * ram)),
  }));
  const sets = new PageSets(places, 4096, false);
  sets.saved({ ...planned(), block: 1 }, saved(bits(3)));
  sets.lost({ ...planned(bits(4)), block: 0 });
  expect(sets.sets.map((set) => [set.presentPages, set.stale()])).toEqual([
    [0, [4, 5]],
    [1, []],
  ]);
});
