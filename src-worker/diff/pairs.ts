/** Blocks of two files side by side, cut into units of about the same number of bytes. */
import type { ApartBlock } from '@shared/contracts/diff';
import { fail } from '@shared/contracts/failure';
import type { GuestBlock, GuestFile } from '../guest/guest-file';

/** Bytes of present pages of both files in a unit: some milliseconds from the page cache, some tens from a disk. */
const UNIT_BYTES = 64 * 1024 * 1024;

const DOING = 'comparing two files';

/** A block as either file has it. */
export interface BlockPair {
  readonly name: string;
  readonly pageSize: number;
  readonly a: GuestBlock | null;
  readonly b: GuestBlock | null;
  /** Of the longer one. */
  readonly pages: number;
}

/** Pages `first` to before `end` of a block. */
export interface PairUnit {
  readonly pair: BlockPair;
  readonly first: number;
  readonly end: number;
  /** Bytes of its present pages, of both files together. */
  readonly bytes: number;
}

export interface PairedBlocks {
  readonly pairs: readonly BlockPair[];
  /** Blocks whose pages differ in size. */
  readonly apart: readonly ApartBlock[];
}

/**
 * The blocks of both files, those of the first in its order, then those that only the second has; only `block` unless it is
 * null. Throws `usage` where neither has that one, `format.unsupported` where there is nothing but blocks whose pages differ
 * in size.
 */
export function pairBlocks(a: GuestFile, b: GuestFile, block: string | null): PairedBlocks {
  const names = new Set([...a.blocks, ...b.blocks].map(({ name }) => name));
  if (block !== null && !names.has(block)) {
    throw fail('usage', DOING, `neither file has a RAM block ${block}`, `They have: ${[...names].join(', ')}.`);
  }
  const pairs: BlockPair[] = [];
  const apart: ApartBlock[] = [];
  for (const name of names) {
    const [inA, inB] = [blockOf(a, name), blockOf(b, name)];
    const pageSize = (inA ?? inB)?.pageSize;
    if (pageSize === undefined || (block !== null && name !== block)) continue;
    if (inA !== null && inB !== null && inA.pageSize !== inB.pageSize) {
      apart.push({ name, pageSizeA: inA.pageSize, pageSizeB: inB.pageSize });
    } else pairs.push({ name, pageSize, a: inA, b: inB, pages: Math.max(inA?.pages ?? 0, inB?.pages ?? 0) });
  }
  const [first] = apart;
  if (pairs.length > 0 || first === undefined) return { pairs, apart };
  throw fail(
    'format.unsupported',
    DOING,
    `the pages of ${first.name} have ${first.pageSizeA} bytes in one file and ${first.pageSizeB} in the other`,
    'Compare two files of the same VM.',
  );
}

const blockOf = ({ blocks }: GuestFile, name: string): GuestBlock | null =>
  blocks.find((one) => one.name === name) ?? null;

/** Cuts at multiples of 8 pages; where no page is present in either file there is no unit. */
export function cutPairs(pairs: readonly BlockPair[]): readonly PairUnit[] {
  return pairs.flatMap((pair) => {
    const units: PairUnit[] = [];
    let [first, bytes] = [0, 0];
    const close = (end: number): void => {
      if (bytes > 0) units.push({ pair, first, end, bytes });
      [first, bytes] = [end, 0];
    };
    for (let page = nextPresent(pair, 0, pair.pages); page < pair.pages;) {
      const eight = page - (page % 8);
      const count = ones(pair.a?.present.eightAt(eight) ?? 0) + ones(pair.b?.present.eightAt(eight) ?? 0);
      if (bytes >= UNIT_BYTES) close(eight);
      bytes += count * pair.pageSize;
      page = nextPresent(pair, eight + 8, pair.pages);
    }
    close(pair.pages);
    return units;
  });
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

const ones = (byte: number): number => ONES[byte] ?? 0;

/** The next page that either file has; `end` when there is none before it. */
export function nextPresent({ a, b }: BlockPair, page: number, end: number): number {
  const next = (block: GuestBlock | null): number => {
    const stop = Math.min(end, block?.pages ?? 0);
    const found = block?.present.next(page, stop, true) ?? stop;
    return found < stop ? found : end;
  };
  return Math.min(next(a), next(b));
}
