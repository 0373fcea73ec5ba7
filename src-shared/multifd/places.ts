/** Where the pages of a RAMBlock are: in a file of RAM and in the mapped-ram file. */
import { byteCount, type BlockOffset, type ByteCount, type FileOffset } from '../bytes/units';
import { DIGEST_BYTES, type CopyExtent } from '../contracts/channels';
import { fail } from '../contracts/failure';

/** A RAMBlock with its place in a file of RAM and in the mapped-ram file. */
export interface BlockPlace {
  readonly name: string;
  /** Index in `ChannelSetup.ram`. */
  readonly ram: number;
  /** Where the block begins in that file of RAM. */
  readonly ramOffset: FileOffset;
  /** Used length in bytes; whole target pages. */
  readonly length: ByteCount;
  /** Where its pages begin in the mapped-ram file. */
  readonly pagesOffset: FileOffset;
}

/** A stretch of one block of a plan: `from` is a multiple of DIGEST_BYTES, and so is `to` unless it is the block's end. */
export interface Segment {
  /** Index of the block in the plan. */
  readonly block: number;
  readonly from: BlockOffset;
  readonly to: BlockOffset;
}

/** An extent, and whose pages it holds. */
export interface PlannedExtent {
  readonly extent: CopyExtent;
  /** Index of its block in the plan. */
  readonly block: number;
  /** Number of its first page in the block; a multiple of 8. */
  readonly firstPage: number;
  /** Pages from its first to its last, whether they are in its mask or not. */
  readonly pages: number;
  /** Bytes of the pages that are to be looked at: all of them, or those in the mask. */
  readonly work: number;
}

/** Largest page of which every DIGEST_BYTES fill whole bytes of a bitmap; QEMU's targets have 1 KiB … 64 KiB. */
const LARGEST_PAGE = DIGEST_BYTES / 8;
const SMALLEST_PAGE = 512;

/** Refuses a page size that no plan can be made for, with `format.unsupported`. */
export function checkPlannedPageSize(pageSize: number): void {
  if (Number.isInteger(Math.log2(pageSize)) && pageSize >= SMALLEST_PAGE && pageSize <= LARGEST_PAGE) return;
  throw fail(
    'format.unsupported',
    'planning a copy of guest memory',
    `no QEMU target has pages of ${pageSize} bytes`,
    'Let QEMU write the file itself.',
  );
}

/** The extent that a segment is, with `work` bytes of pages to look at. */
export function extentOf(
  places: readonly BlockPlace[],
  pageSize: number,
  { block, from, to }: Segment,
  work: number,
  mask: Uint8Array | null,
): PlannedExtent {
  const place = places[block];
  if (place === undefined) throw new RangeError(`there is no block ${block} in the plan`);
  const extent: CopyExtent = {
    ram: place.ram,
    ramOffset: place.ramOffset + from,
    fileOffset: place.pagesOffset + from,
    length: byteCount(to - from),
  };
  return {
    extent: mask === null ? extent : { ...extent, mask },
    block,
    firstPage: from / pageSize,
    pages: (to - from) / pageSize,
    work,
  };
}
