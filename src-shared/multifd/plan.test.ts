import { describe, expect, it, test } from 'vitest';
import { randomFrom } from '../../test/support/fake-channels';
import { byteCount, fileOffset } from '../bytes/units';
import { DIGEST_BYTES } from '../contracts/channels';
import type { ExtentFeed } from './feed';
import type { BlockPlace, PlannedExtent } from './places';
import { planMasked, planWhole } from './plan';

const MIB = 1024 * 1024;

/** Two blocks in one file of RAM, the second 2.5 MiB long and not at its beginning. */
const places: readonly BlockPlace[] = [
  { name: 'pc.ram', ram: 0, ramOffset: fileOffset(0), length: byteCount(8 * MIB), pagesOffset: fileOffset(MIB) },
  {
    name: 'rom',
    ram: 0,
    ramOffset: fileOffset(8 * MIB),
    length: byteCount(2.5 * MIB),
    pagesOffset: fileOffset(16 * MIB),
  },
];

function drain(feed: ExtentFeed, most: number | (() => number)): PlannedExtent[][] {
  const batches: PlannedExtent[][] = [];
  for (;;) {
    const batch = feed.next(typeof most === 'number' ? most : most());
    if (batch.length === 0) return batches;
    batches.push([...batch]);
  }
}

const isMarked = (bits: Uint8Array, page: number): boolean => (((bits[page >> 3] ?? 0) >> (page & 7)) & 1) === 1;

describe('a first pass', () => {
  test.each<[string, readonly number[], readonly (readonly [number, number])[]]>([
    ['reads nothing of memory that was never touched', [], []],
    ['widens what was touched to whole digests', [5000, 6000], [[0, MIB]]],
    ['joins stretches that meet', [0, 10, MIB + 1, MIB + 2], [[0, 2 * MIB]]],
    [
      'leaves out untouched megabytes between',
      [0, 1, 3 * MIB, 3 * MIB + 1],
      [
        [0, MIB],
        [3 * MIB, 4 * MIB],
      ],
    ],
    ['stops at the end of the block', [8 * MIB - 1, 9 * MIB], [[7 * MIB, 8 * MIB]]],
  ])('%s', (_, data, expected) => {
    const extents = drain(planWhole(places, [data, []], 4096), 64 * MIB).flat();
    expect(extents.map(({ extent }) => [extent.ramOffset, extent.ramOffset + extent.length])).toEqual(expected);
  });

  it('puts each block’s pages at their places, the last stretch as short as the block ends', () => {
    const [batch] = drain(planWhole(places, [[], [8 * MIB, 12 * MIB]], 4096), 64 * MIB);
    expect(batch).toEqual([
      {
        extent: { ram: 0, ramOffset: 8 * MIB, fileOffset: 16 * MIB, length: 2.5 * MIB },
        block: 1,
        firstPage: 0,
        pages: 640,
        work: 2.5 * MIB,
      },
    ]);
  });

  it('is cut into batches of any size that begin at digests, and says what remains', () => {
    for (const most of [1, MIB, 1.5 * MIB, 2 * MIB, 3 * MIB + 17, 100 * MIB]) {
      const feed = planWhole(
        places,
        [
          [0, 8 * MIB],
          [8 * MIB, 10.5 * MIB],
        ],
        4096,
      );
      let left = 10.5 * MIB;
      for (let batch = feed.next(most); batch.length > 0; batch = feed.next(most)) {
        for (const { extent, firstPage, work } of batch) {
          expect((firstPage * 4096) % DIGEST_BYTES).toBe(0);
          expect(extent.length).toBe(work);
          left -= work;
        }
        const bytes = batch.reduce((sum, { work }) => sum + work, 0);
        expect(bytes).toBeLessThanOrEqual(Math.max(most, MIB));
        expect(feed.remaining).toBe(left);
      }
      expect(left).toBe(0);
    }
  });
});

describe('a later pass', () => {
  it('hands out every marked page once and no other, whatever the page size and the batches (sweep)', () => {
    for (const pageSize of [4096, 16_384, 65_536, DIGEST_BYTES / 8]) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const random = randomFrom(seed);
        const density = random() ** 3;
        const bits = places.map(({ length }) => {
          // One byte more than there are pages, all ones: bits past the end do not count.
          const own = new Uint8Array(Math.ceil(length / pageSize / 8) + 1).fill(0xff);
          for (let page = 0; page < length / pageSize; page += 1) {
            if (random() > density) own[page >> 3] = (own[page >> 3] ?? 0) & ~(1 << (page & 7));
          }
          return own;
        });
        const feed = planMasked(places, bits, pageSize);
        const total = feed.remaining;
        const seen = places.map(() => new Set<number>());
        const batches = drain(feed, () => Math.floor(random() * 3 * MIB) + 1);
        for (const { extent, block, firstPage, pages, work } of batches.flat()) {
          expect((firstPage * pageSize) % DIGEST_BYTES).toBe(0);
          expect(extent.fileOffset).toBe((places[block]?.pagesOffset ?? 0) + firstPage * pageSize);
          expect(extent.length).toBe(pages * pageSize);
          let marked = 0;
          for (let page = 0; page < (extent.mask?.length ?? 0) * 8; page += 1) {
            if (!isMarked(extent.mask ?? new Uint8Array(), page)) continue;
            expect(page).toBeLessThan(pages);
            expect(seen[block]?.has(firstPage + page)).toBe(false);
            seen[block]?.add(firstPage + page);
            marked += 1;
          }
          expect(work).toBe(marked * pageSize);
          expect(marked).toBeGreaterThan(0);
        }
        const due = places.map(
          ({ length }, block) =>
            new Set(
              Array.from({ length: length / pageSize }, (__, page) => page).filter((page) =>
                isMarked(bits[block] ?? new Uint8Array(), page),
              ),
            ),
        );
        expect(seen).toEqual(due);
        expect(total).toBe(due.reduce((sum, { size }) => sum + size * pageSize, 0));
        expect(feed.remaining).toBe(0);
      }
    }
  });

  it('of nothing is over at once', () => {
    const feed = planMasked(places, [null, new Uint8Array(80)], 4096);
    expect([feed.remaining, feed.next(MIB)]).toEqual([0, []]);
  });

  it('does not see what happens to the bitmaps afterwards', () => {
    const bits = new Uint8Array(256).fill(1);
    const feed = planMasked(places, [bits, null], 4096);
    bits.fill(0);
    expect(drain(feed, 64 * MIB).flat()[0]?.work).toBe(256 * 4096);
  });
});

test.each([0, 1000, 511, 256 * 1024, 2 ** 20])('pages of %d bytes are refused', (pageSize) => {
  expect(() => planWhole(places, [[], []], pageSize)).toThrow('no QEMU target has pages');
});
