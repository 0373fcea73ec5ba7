/** Blocks of two files side by side, cut into units of about the same number of bytes. */
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

/**
 * The blocks of both files, those of the first in its order, then those that only the second has; only `block` unless it is
 * null. Throws `usage` where neither has that one, `format.unsupported` where a block's pages differ in size.
 */
export function pairBlocks(a: GuestFile, b: GuestFile, block: string | null): readonly BlockPair[] {
  const names = new Set([...a.blocks, ...b.blocks].map(({ name }) => name));
  if (block !== null && !names.has(block)) {
    throw fail('usage', DOING, `neither file has a RAM block ${block}`, `They have: ${[...names].join(', ')}.`);
  }
  return [...names].filter((name) => block === null || name === block).flatMap((name) => pairOf(name, a, b));
}

function pairOf(name: string, fileA: GuestFile, fileB: GuestFile): readonly BlockPair[] {
  const find = ({ blocks }: GuestFile): GuestBlock | null => blocks.find((one) => one.name === name) ?? null;
  const [a, b] = [find(fileA), find(fileB)];
  const pageSize = (a ?? b)?.pageSize;
  if (pageSize === undefined) return [];
  if (a !== null && b !== null && a.pageSize !== b.pageSize) {
    throw fail(
      'format.unsupported',
      DOING,
      `the pages of ${name} have ${a.pageSize} bytes in one file and ${b.pageSize} in the other`,
      'Compare two files of the same VM.',
    );
  }
  return [{ name, pageSize, a, b, pages: Math.max(a?.pages ?? 0, b?.pages ?? 0) }];
}

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
