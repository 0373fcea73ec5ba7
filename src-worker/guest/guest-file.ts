import { fileOffset, hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { bitmapOf } from '@shared/mapped-ram/byte-order';
import type { RamBlock } from '@shared/stream/model';
import { openFileChannel } from '../io/file-channel';
import { openLease } from '../io/lease';
import type { SeekableChannel } from '../io/seekable';
import { openSnapshot, type OpenSnapshot } from '../snapshot/open';
import { PageBits } from './page-bits';

/** A RAMBlock with pages at fixed places. */
export interface GuestBlock {
  readonly name: string;
  /** Bytes; whole pages. */
  readonly length: number;
  readonly pageSize: number;
  readonly pages: number;
  /** Where page 0 is in the file. */
  readonly pagesOffset: number;
  readonly present: PageBits;
}

/** Absent pages up to this many bytes between present ones are read with them: one request more costs as much. */
const GAP_BYTES = 64 * 1024;

/** A mapped-ram file as the memory of a guest. Reading does not wait for anything but the disk. */
export class GuestFile {
  readonly blocks: readonly GuestBlock[];
  readonly snapshot: OpenSnapshot;
  readonly #file: SeekableChannel;

  private constructor(snapshot: OpenSnapshot, file: SeekableChannel, blocks: readonly GuestBlock[]) {
    this.snapshot = snapshot;
    this.#file = file;
    this.blocks = blocks;
  }

  /**
   * Opens a lent file. Rejects with `format.unsupported` when its pages have no fixed places, or it cannot be told which
   * are in it; otherwise as `openSnapshot` does. `doing`: what it is opened for, as a phrase.
   */
  static async open(lease: Lease, doing: string): Promise<GuestFile> {
    const source = await openLease(lease);
    let snapshot: OpenSnapshot;
    try {
      snapshot = await openSnapshot(source, { streamOffset: lease.streamOffset });
    } finally {
      await source.close();
    }
    const file = openFileChannel(lease, { access: 'read', direct: false });
    try {
      return new GuestFile(snapshot, file, guestBlocks(snapshot, file, doing));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Throws `usage` when there is no such block. */
  block(name: string, doing: string): GuestBlock {
    const found = this.blocks.find((block) => block.name === name);
    if (found !== undefined) return found;
    throw fail(
      'usage',
      doing,
      `there is no RAM block ${name} with pages in this file`,
      `It has: ${this.blocks.map((block) => block.name).join(', ')}.`,
      { where: { path: this.#file.name } },
    );
  }

  /**
   * Fills `view` with the guest's bytes from `offset` of a block on; absent pages are zeros, whatever the file holds under
   * them. What lies past the block's end is left alone. Throws `file.*`.
   */
  read(block: GuestBlock, offset: number, view: Uint8Array): void {
    const end = Math.min(offset + view.length, block.length);
    for (let at = offset; at < end;) {
      const { start, stop } = this.group(block, at, end);
      view.fill(0, at - offset, start - offset);
      if (stop > start) this.readGroup(block, start, view.subarray(start - offset, stop - offset));
      at = stop;
    }
  }

  /**
   * The next bytes that are worth one read: from the first present page at or behind `at` to the last of those that follow
   * with small gaps, both cut to `at` … `end`. Without any, both are `end`.
   */
  group(block: GuestBlock, at: number, end: number): { readonly start: number; readonly stop: number } {
    const { pageSize, present } = block;
    const lastPage = Math.ceil(end / pageSize);
    const first = present.next(Math.floor(at / pageSize), lastPage, true);
    let stop = first;
    for (let next = first; next < lastPage && (next - stop) * pageSize <= GAP_BYTES;) {
      stop = present.next(next, lastPage, false);
      next = present.next(stop, lastPage, true);
    }
    return { start: Math.min(end, Math.max(at, first * pageSize)), stop: Math.min(end, stop * pageSize) };
  }

  /** Fills `view` from a group: one read, then zeros over the pages in it that are absent. */
  readGroup(block: GuestBlock, offset: number, view: Uint8Array): void {
    const { pageSize, present } = block;
    const end = offset + view.length;
    this.#file.readv([view], fileOffset(block.pagesOffset + offset));
    const lastPage = Math.ceil(end / pageSize);
    for (let page = present.next(Math.floor(offset / pageSize), lastPage, false); page < lastPage;) {
      const behind = present.next(page, lastPage, true);
      view.fill(0, Math.max(0, page * pageSize - offset), Math.min(end, behind * pageSize) - offset);
      page = present.next(behind, lastPage, false);
    }
  }

  /**
   * Whether the file has data under the bytes from `offset` on, and how many of the next `length` are alike in that. A file
   * system that cannot tell says that all is data.
   */
  allocation(
    block: GuestBlock,
    offset: number,
    length: number,
  ): { readonly kind: 'data' | 'hole'; readonly length: number } {
    const extent = this.#file.extentAt(fileOffset(block.pagesOffset + offset));
    if (extent === null) return { kind: 'hole', length };
    return { kind: extent.kind, length: Math.min(length, extent.length) };
  }

  close(): void {
    this.#file.close();
  }
}

function guestBlocks(snapshot: OpenSnapshot, file: SeekableChannel, doing: string): readonly GuestBlock[] {
  const { stream, order, orderFinding } = snapshot;
  const refuse = (what: string, todo: string): Error =>
    fail('format.unsupported', doing, what, todo, { where: { path: file.name } });
  if (order === 'unknown') {
    throw refuse(
      `the byte order of the bitmaps cannot be told: ${orderFinding.why}`,
      'Load the file with the QEMU that saved it.',
    );
  }
  const blocks = stream.ramBlocks.flatMap((block) =>
    isPlaced(block) ? [guestBlock(snapshot, file, block, order === 'big' ? 'big' : 'little')] : [],
  );
  if (blocks.length > 0) return blocks;
  if (stream.ramBlocks.length === 0) {
    throw refuse('no RAM block is listed in it', 'stillframe inspect tells what is wrong with it.');
  }
  throw refuse(
    'its pages have no fixed places: it is an ordinary stream, no mapped-ram file',
    'Convert it to mapped-ram first.',
  );
}

type PlacedBlock = RamBlock & { readonly header: { readonly mapped: object } };

const isPlaced = (block: RamBlock): block is PlacedBlock & RamBlock => block.header?.mapped != null;

function guestBlock(
  { stream }: OpenSnapshot,
  file: SeekableChannel,
  block: RamBlock,
  order: 'little' | 'big',
): GuestBlock {
  const bitmap = bitmapOf(block, stream.size);
  const { header, name } = block;
  if (bitmap === null || header?.mapped == null) {
    const offset = header?.mapped?.bitmap.offset;
    throw fail(
      'format.truncated',
      'reading the bitmaps',
      `the bitmap of ${name} lies past the end of the file`,
      'The file is not whole: which pages are in it cannot be told.',
      { where: { path: file.name, ...(offset === undefined ? {} : { offset }), field: hex(offset ?? 0) } },
    );
  }
  const { pageSize, pagesTotal, mapped } = header;
  return {
    name,
    length: pagesTotal * pageSize,
    pageSize,
    pages: pagesTotal,
    pagesOffset: mapped.pages.offset,
    present: new PageBits(file, bitmap, order),
  };
}
