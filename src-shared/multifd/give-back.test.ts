import { describe, expect, it } from 'vitest';
import { giveBack, MAY_KEEP, type UnusedSpace } from './give-back';

const KIB = 1024;
const MIB = KIB * KIB;
const block = (unused: readonly number[], stale: readonly number[] = [], pagesOffset = MIB): UnusedSpace => ({
  pagesOffset,
  pageSize: 4096,
  unused,
  stale,
});
const at = (page: number, pagesOffset = MIB): number => pagesOffset + page * 4096;

describe('giving back', () => {
  it('nothing, when nothing takes room in vain', () => {
    expect(giveBack([])).toEqual({ punch: [], zero: [], kept: 0 });
    expect(giveBack([block([])])).toEqual({ punch: [], zero: [], kept: 0 });
  });

  it('leaves what may stay', () => {
    const pages = MAY_KEEP / 4096;
    expect(giveBack([block([10, 10 + pages])])).toEqual({ punch: [], zero: [], kept: MAY_KEEP });
    expect(giveBack([block([10, 11 + pages])])).toEqual({ punch: [at(10), at(11 + pages)], zero: [], kept: 0 });
  });

  it('takes the longest stretches first, of all blocks together, and tells them in the order of the file', () => {
    const low = block([0, 10, 20, 50, 100, 105]);
    const high = block([7, 47, 60, 61], [], 100 * MIB);
    expect(giveBack([low, high], 16 * 4096)).toEqual({
      punch: [at(20), at(50), at(7, 100 * MIB), at(47, 100 * MIB)],
      zero: [],
      kept: 16 * 4096,
    });
    expect(giveBack([low, high], 15 * 4096)).toMatchObject({ kept: 6 * 4096 });
    expect(giveBack([low, high], 0)).toMatchObject({ kept: 0, punch: { length: 10 } });
  });

  it('always takes stale pages: long stretches as holes with what is around them, short ones as zeros', () => {
    const space = block([0, 40, 50, 60, 70, 72], [3, 5, 30, 31, 55, 57]);
    expect(giveBack([space])).toEqual({
      punch: [at(0), at(40)],
      zero: [at(55), at(57)],
      // 8 pages around the zeroed ones, and 2 that were never there.
      kept: 10 * 4096,
    });
    expect(giveBack([space], 0)).toMatchObject({ punch: [at(0), at(40), at(70), at(72)], zero: [at(55), at(57)] });
  });

  it('counts in bytes: pages of other sizes, and places past 2^32', () => {
    const far = 2 ** 40;
    expect(giveBack([{ pagesOffset: far, pageSize: 65536, unused: [2 ** 20, 2 ** 20 + 1], stale: [] }], 65535)).toEqual(
      {
        punch: [far + 2 ** 36, far + 2 ** 36 + 65536],
        zero: [],
        kept: 0,
      },
    );
  });

  it('of random pages: nothing stale is left, no more is kept than may be, and no hole is needless', () => {
    for (let round = 0; round < 200; round++) {
      const unused: number[] = [];
      const stale: number[] = [];
      for (let page = 0; page < 3000;) {
        const first = page + 1 + Math.floor(Math.random() * 20);
        const end = first + 1 + Math.floor(Math.random() ** 4 * 200);
        unused.push(first, end);
        if (Math.random() < 0.2) {
          const from = first + Math.floor(Math.random() * (end - first));
          stale.push(from, from + 1 + Math.floor(Math.random() * (end - from)));
        }
        page = end;
      }
      const mayKeep = Math.floor(Math.random() * 3000) * 4096;
      const { punch, zero, kept } = giveBack([block(unused, stale)], mayKeep);
      const punched = pagesOf(punch);
      const zeroed = pagesOf(zero);
      const old = pagesOf(stale.map((page) => at(page)));
      for (const page of old) expect(punched.has(page) || zeroed.has(page)).toBe(true);
      for (const page of zeroed) expect(old.has(page) && !punched.has(page)).toBe(true);
      const all = pagesOf(unused.map((page) => at(page)));
      const left = [...all].filter((page) => !punched.has(page) && !zeroed.has(page)).length * 4096;
      expect(left).toBe(kept);
      const shortest = shortestWithoutStale(punch, old);
      // What must stay stays: room around zeroed pages. Everything else fits, and without the last hole it would not.
      expect(kept <= mayKeep || shortestLeft(unused, punched, old) === Infinity).toBe(true);
      if (shortest < Infinity) expect(kept + shortest).toBeGreaterThan(mayKeep);
    }
  });
});

function pagesOf(stretches: readonly number[]): Set<number> {
  const pages = new Set<number>();
  for (let index = 0; index < stretches.length; index += 2) {
    for (let byte = stretches[index] ?? 0; byte < (stretches[index + 1] ?? 0); byte += 4096) pages.add(byte);
  }
  return pages;
}

/** The shortest hole that no stale page asked for. */
function shortestWithoutStale(punch: readonly number[], stale: ReadonlySet<number>): number {
  let shortest = Infinity;
  for (let index = 0; index < punch.length; index += 2) {
    const stretch = punch.slice(index, index + 2);
    if ([...pagesOf(stretch)].some((page) => stale.has(page))) continue;
    shortest = Math.min(shortest, (stretch[1] ?? 0) - (stretch[0] ?? 0));
  }
  return shortest;
}

/** The shortest run without stale pages that keeps its room. */
function shortestLeft(unused: readonly number[], punched: ReadonlySet<number>, stale: ReadonlySet<number>): number {
  let shortest = Infinity;
  for (let index = 0; index < unused.length; index += 2) {
    const pages = [...pagesOf(unused.slice(index, index + 2).map((page) => at(page)))];
    if (pages.some((page) => punched.has(page) || stale.has(page))) continue;
    shortest = Math.min(shortest, pages.length * 4096);
  }
  return shortest;
}
