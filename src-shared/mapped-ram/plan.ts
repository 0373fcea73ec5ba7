/**
 * Where the blocks of a mapped-ram file that is to be written go, as QEMU lays them out (migration/ram.c,
 * `mapped_ram_setup_ramblock`): record, header and bitmap one after another, then the pages at the next multiple of 1 MiB; the
 * next block's record stands right behind them.
 */
import { byteCount, fileOffset, hex, type FileOffset } from '../bytes/units';
import { encodeText } from '../bytes/text';
import type { Range } from '../bytes/ranges';
import { fail } from '../contracts/failure';
import type { PlannedBlock } from '../contracts/transfer';
import { bitmapBytes } from './header';
import { MAPPED_RAM_HEADER } from './layout';

/** Pages begin at multiples of this, so that direct I/O and huge pages fit (`MAPPED_RAM_FILE_OFFSET_ALIGNMENT`). */
export const PAGES_ALIGNMENT = 1024 * 1024;

/**
 * Room for what stands before the first block's record, while nobody knows it yet: stream header, configuration, sections of
 * devices that are set up early (the bitmap of a virtio-mem device is the largest known; 64 KiB are 1 TiB of its memory).
 */
export const HEAD_SLACK = 256 * 1024;

/** A RAMBlock as `info ramblock` or a stream tells it. */
export interface BlockToPlace {
  readonly name: string;
  /** Bytes; whole pages. */
  readonly usedLength: number;
  /** Bytes of a target page. */
  readonly pageSize: number;
}

/** Where everything of a block is. */
export interface PlacedBlock extends PlannedBlock {
  readonly recordOffset: FileOffset;
  readonly headerOffset: FileOffset;
  readonly bitmap: Range;
}

const HEADER_BYTES = MAPPED_RAM_HEADER.fields.reduce((sum, field) => sum + field.size, 0);
/** Behind the name's length byte and the name: the used length. */
const recordBytes = (name: string): number => 1 + encodeText(name).length + 8;
/** Everything of a block before its pages, without padding. */
const frontBytes = ({ name, usedLength, pageSize }: BlockToPlace): number =>
  recordBytes(name) + HEADER_BYTES + bitmapBytes(usedLength / pageSize);

/**
 * Places the pages of `blocks`, which are in the order of their stream, behind a head of at most `headBytes` bytes. Good for
 * every head that is not longer: the plan can be made before the stream is there.
 *
 * Throws a `RangeError` when a block does not end at a page, or the file would end past 2^53.
 */
export function planBlocks(blocks: readonly BlockToPlace[], headBytes: number = HEAD_SLACK): readonly PlannedBlock[] {
  let end = headBytes;
  return blocks.map((block) => {
    const { name, usedLength, pageSize } = block;
    if (usedLength % pageSize !== 0) {
      throw new RangeError(`${name} is ${usedLength} bytes long, which is no multiple of its page size ${pageSize}`);
    }
    const pagesOffset = Math.ceil((end + frontBytes(block)) / PAGES_ALIGNMENT) * PAGES_ALIGNMENT;
    end = fileOffset(pagesOffset + usedLength);
    return { name, usedLength, pageSize, pagesOffset };
  });
}

/** Behind the pages of the last block: what follows the block list begins here. `headBytes` where there are no blocks. */
export function planEnd(plan: readonly PlannedBlock[], headBytes: number = HEAD_SLACK): FileOffset {
  const last = plan.at(-1);
  return fileOffset(last === undefined ? headBytes : last.pagesOffset + last.usedLength);
}

/**
 * Where each block's record, header and bitmap go, the first record being at `firstRecord`. `format.overlap` when they do not
 * fit in front of the pages: the head is longer than it was planned for.
 */
export function placeBlocks(plan: readonly PlannedBlock[], firstRecord: number): readonly PlacedBlock[] {
  let recordOffset = fileOffset(firstRecord);
  return plan.map((block) => {
    const { name, usedLength, pageSize, pagesOffset } = block;
    const headerOffset = fileOffset(recordOffset + recordBytes(name));
    const bitmap = {
      offset: fileOffset(headerOffset + HEADER_BYTES),
      length: byteCount(bitmapBytes(usedLength / pageSize)),
    };
    if (bitmap.offset + bitmap.length > pagesOffset) {
      const what = `the bitmap of ${name} would end at ${hex(bitmap.offset + bitmap.length)}, behind the start of its pages at ${hex(pagesOffset)}`;
      throw fail('format.overlap', 'laying out a mapped-ram file', what, 'Save the VM with the native engine.');
    }
    const placed = { ...block, recordOffset, headerOffset, bitmap };
    recordOffset = fileOffset(pagesOffset + usedLength);
    return placed;
  });
}
