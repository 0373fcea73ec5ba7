import { expect, test } from 'vitest';
import { fileOffset } from '../bytes/units';
import { PageSet } from './page-set';
import type { PlannedExtent } from './places';
import { stretchesToPunch } from './punch';

const MIB = 1024 * 1024;
const PAGE = 4096;
const PAGES = 1024;

const whole: PlannedExtent = {
  extent: { ram: 0, ramOffset: 0, fileOffset: MIB, length: 4 * MIB },
  block: 0,
  firstPage: 0,
  pages: PAGES,
  work: 4 * MIB,
};

function bits(...runs: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(PAGES / 8);
  for (const [first, end] of runs) {
    for (let page = first; page < end; page += 1) bytes[page >> 3] = (bytes[page >> 3] ?? 0) | (1 << (page & 7));
  }
  return bytes;
}

/** What is punched, as pages: pages of `written` were written once, `present` are so in the end, room was made for `allocated`. */
function punched(
  written: readonly (readonly [number, number])[],
  present: readonly (readonly [number, number])[],
  allocated: readonly (readonly [number, number])[] = [],
): number[] {
  const set = new PageSet(4 * MIB, PAGE, false);
  for (const [first, end] of allocated) set.allocated(first, end - first);
  const digests = new Uint8Array();
  set.take(whole, { present: bits(...written), filled: null, digests });
  set.take(whole, { present: bits(...present), filled: null, digests });
  return stretchesToPunch(set, fileOffset(MIB)).map((at) => (at - MIB) / PAGE);
}

test.each([
  ['nothing when every page that was written is present', [[0, 10]], [[0, 12]], [], []],
  [
    'a page that is zero now',
    [[0, 10]],
    [
      [0, 4],
      [5, 10],
    ],
    [],
    [4, 5],
  ],
  [
    'every run of such pages',
    [
      [0, 10],
      [20, 30],
    ],
    [
      [2, 9],
      [25, 26],
    ],
    [],
    [0, 2, 9, 10, 20, 25, 26, 30],
  ],
  ['room that is not used, a MiB or more of it', [], [[0, 1]], [[0, 600]], [1, 600]],
  ['no room that is shorter', [], [[0, 1]], [[0, 200]], []],
  ['both together as one', [[300, 310]], [], [[0, 600]], [0, 600]],
  ['old pages beside short room alone', [[100, 110]], [], [[90, 120]], [100, 110]],
] as const)('of a block are punched: %s', (_, written, present, allocated, expected) => {
  expect(punched(written, present, allocated)).toEqual(expected);
});
