/** The RAMBlocks whose pages are at fixed places in the file, and where a stretch of their pages is. */
import type { BlockReport, InspectReport } from '@shared/contracts/inspect';
import type { RamRange } from '@shared/contracts/library';

export interface PageBlock {
  readonly name: string;
  readonly pages: number;
  readonly pageSize: number;
  /** Where page 0 is in the file. */
  readonly pagesOffset: number;
}

/** Pages `from` to before `to` of a block. */
export interface PageRange {
  readonly from: number;
  readonly to: number;
}

export function pageBlockOf({ name, pagesTotal, pageSize, pagesOffset }: BlockReport): PageBlock | null {
  if (pagesTotal === null || pageSize === null || pagesOffset === null || pagesTotal === 0) return null;
  return { name, pages: pagesTotal, pageSize, pagesOffset };
}

/** In file order. */
export const pageBlocksOf = (report: InspectReport | null): readonly PageBlock[] =>
  (report?.ramBlocks ?? []).flatMap((block) => pageBlockOf(block) ?? []);

export const offsetOfPage = (block: PageBlock, page: number): number => block.pagesOffset + page * block.pageSize;

/** The guest-physical ranges of a stretch of pages, by address; `to` is one past the last byte. */
export function guestRanges(
  ramMap: readonly RamRange[],
  block: PageBlock,
  { from, to }: PageRange,
): readonly { readonly from: number; readonly to: number }[] {
  const [start, end] = [from * block.pageSize, to * block.pageSize];
  return ramMap
    .flatMap((range) => {
      const [first, last] = [Math.max(start, range.blockOffset), Math.min(end, range.blockOffset + range.length)];
      if (range.block !== block.name || first >= last) return [];
      const shift = range.guestPhysical - range.blockOffset;
      return [{ from: first + shift, to: last + shift }];
    })
    .sort((a, b) => a.from - b.from);
}
