import { describe, expect, it } from 'vitest';
import { giveBack } from './give-back';

const MIB = 1024 * 1024;
const at = (page: number): number => MIB + page * 4096;
const block = (...stale: number[]) => ({ pagesOffset: MIB, pageSize: 4096, stale });

describe('stale pages', () => {
  it.each<[string, readonly number[], readonly number[], readonly number[]]>([
    ['none', [], [], []],
    ['one', [5, 6], [], [at(5), at(6)]],
    ['15 in a row', [5, 20], [], [at(5), at(20)]],
    ['16 in a row', [5, 21], [at(5), at(21)], []],
    ['a short and a long run', [0, 3, 10, 300], [at(10), at(300)], [at(0), at(3)]],
  ])('%s: holes for long runs, zeros over short ones', (_, stale, punch, zero) => {
    expect(giveBack([block(...stale)])).toEqual({ punch, zero });
  });

  it('are told in bytes of the file, whatever a page has, also past 2^32, block after block', () => {
    const far = 2 ** 40;
    expect(
      giveBack([block(1, 2), { pagesOffset: far, pageSize: 65536, stale: [2 ** 20, 2 ** 20 + 1] }, block(7, 8)]),
    ).toEqual({
      punch: [far + 2 ** 36, far + 2 ** 36 + 65536],
      zero: [at(1), at(2), at(7), at(8)],
    });
  });

  it('of every run are in exactly one of the two', () => {
    for (let round = 0; round < 100; round++) {
      const stale: number[] = [];
      for (let page = 0; page < 5000;) {
        const first = page + 1 + Math.floor(Math.random() * 20);
        page = first + 1 + Math.floor(Math.random() ** 4 * 200);
        stale.push(first, page);
      }
      const { punch, zero } = giveBack([block(...stale)]);
      const runs = (stretches: readonly number[]): string[] =>
        stretches.flatMap((start, index) => (index % 2 === 0 ? [`${start} ${stretches[index + 1] ?? ''}`] : []));
      expect([...runs(punch), ...runs(zero)].sort()).toEqual(runs(stale.map(at)).sort());
    }
  });
});
