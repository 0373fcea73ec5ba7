import { ByteCursor } from '../bytes/cursor';
import { decodeText } from '../bytes/text';
import { readUint } from '../bytes/uint';
import type { FileOffset } from '../bytes/units';
import { RAM_FLAG, splitRamWord, type Layout } from './layout';
import type { PageCounts, RamBlock } from './model';
import { badValue } from '../bytes/table';

/** Large enough that reading is bound by the disk, small enough to hold several. */
const WINDOW = 4 * 1024 * 1024;
/** Target page sizes to try when the stream does not tell its own: all that QEMU's targets have, commonest first. */
const PAGE_SIZES = [4096, 8192, 65536, 16384, 1024, 2048, 32768];
const SMALLEST_PAGE = 1024;
/** Records that must read well one after another before a page size is believed. */
const PROBE_RECORDS = 4;
/** So many bytes are at hand before a record is looked at: enough for the longest one and for those of a probe. */
const AT_HAND = (PROBE_RECORDS + 1) * (8 + 256 + 65536);

export type PageKind = 'page' | 'zero' | 'xbzrle' | 'packed';

/** Told of every page record: its block, the page's address in it, and where its bytes (for a zero page: its fill byte) are. */
export type PageVisitor = (block: RamBlock, address: number, kind: PageKind, dataOffset: number) => void;

export interface PageWalk {
  readonly counts: PageCounts;
  /** Behind the end-of-section word. */
  readonly end: FileOffset;
  /** A record says that pages were sent some other way. */
  readonly elsewhere: FileOffset | null;
}

/** What stays the same from one RAM section of a stream to the next. */
export interface PageContext {
  readonly layout: Layout;
  readonly blocks: ReadonlyMap<string, RamBlock>;
  /** Target page size; null until the first page tells it. */
  pageSize: number | null;
  /** The block that CONTINUE means. QEMU keeps it from one section to the next. */
  lastBlock: RamBlock | null;
}

/**
 * Walks the page records of one RAM section from `offset` to its end-of-section word, keeping nothing but counts.
 *
 * Rejects with `format.truncated`, or with `format.bad-value` for a record that no QEMU writes.
 */
export async function walkPageRecords(
  source: ByteCursor['source'],
  size: number,
  offset: number,
  context: PageContext,
  visit: PageVisitor | null = null,
): Promise<PageWalk> {
  const cursor = new ByteCursor(source, size, offset, WINDOW);
  const counts = { page: 0, zero: 0, xbzrle: 0, packed: 0 };
  const wordSize = context.layout.ramWord.fields[0].size;
  let elsewhere: FileOffset | null = null;
  for (;;) {
    const due = Math.min(AT_HAND, Math.max(cursor.remaining, 1));
    if (!cursor.has(due)) await cursor.need(due, 'page record');
    const at = cursor.offset;
    const { address, flags } = splitRamWord(readUint(takeOf(cursor, wordSize), 0, wordSize));
    if (flags === RAM_FLAG.eos && address === 0) {
      const { page: pages, zero: zeroPages } = counts;
      return {
        counts: { pages, zeroPages, packedPages: counts.xbzrle + counts.packed },
        end: cursor.offset,
        elsewhere,
      };
    }
    if (flags === RAM_FLAG.hook || flags === RAM_FLAG.multifdFlush) {
      elsewhere ??= at;
      continue;
    }
    const kind = kindOf(flags & ~RAM_FLAG.continue);
    if (kind === null) throw badValue(cursor, at, 'RAM word', `flags 0x${flags.toString(16)} are those of no record`);
    const block = blockOf(cursor, at, flags, context);
    if (address >= block.usedLength) {
      throw badValue(cursor, at, 'RAM word', `page 0x${address.toString(16)} is past the end of ${block.name}`);
    }
    if (address % (context.pageSize ?? SMALLEST_PAGE) !== 0) {
      throw badValue(cursor, at, 'RAM word', `0x${address.toString(16)} is not the start of a page`);
    }
    visit?.(block, address, kind, cursor.offset);
    counts[kind]++;
    skipPayload(cursor, kind, context);
  }
}

function kindOf(flag: number): PageKind | null {
  switch (flag) {
    case RAM_FLAG.page:
      return 'page';
    case RAM_FLAG.zero:
      return 'zero';
    case RAM_FLAG.xbzrle:
      return 'xbzrle';
    case RAM_FLAG.compressPage:
      return 'packed';
    default:
      return null;
  }
}

function blockOf(cursor: ByteCursor, at: number, flags: number, context: PageContext): RamBlock {
  if ((flags & RAM_FLAG.continue) !== 0) {
    if (context.lastBlock === null) throw badValue(cursor, at, 'RAM word', 'it continues a block before any was named');
    return context.lastBlock;
  }
  const nameAt = cursor.offset;
  const lengthSize = context.layout.pageBlock.fields[0].size;
  const length = readUint(takeOf(cursor, lengthSize), 0, lengthSize);
  const name = decodeText(takeOf(cursor, length));
  const block = context.blocks.get(name);
  if (block === undefined) throw badValue(cursor, nameAt, 'name', `"${name}" is no RAM block of this stream`);
  context.lastBlock = block;
  return block;
}

function skipPayload(cursor: ByteCursor, kind: PageKind, context: PageContext): void {
  switch (kind) {
    case 'zero':
      takeOf(cursor, 1);
      return;
    case 'page':
      context.pageSize ??= probePageSize(cursor);
      takeOf(cursor, context.pageSize);
      return;
    case 'xbzrle':
      // u8 encoding, u16 length, then that many bytes.
      takeOf(cursor, readUint(takeOf(cursor, 3), 1, 2));
      return;
    case 'packed': {
      const length = readUint(takeOf(cursor, 4), 0, 4);
      if (length > 2 * 65536)
        throw badValue(cursor, cursor.offset - 4, 'length', `${length} bytes are more than a page packs to`);
      takeOf(cursor, length);
    }
  }
}

/** Bytes that the window holds already, unless the file ends before them. */
function takeOf(cursor: ByteCursor, length: number): Uint8Array {
  if (cursor.has(length)) return cursor.take(length);
  throw cursor.truncated(length, 'page record');
}

/**
 * The page size with which the next few records read as records. A wrong one would need page contents that look like
 * words with known flags at exactly the right places.
 */
function probePageSize(cursor: ByteCursor): number {
  const ahead = cursor.rest();
  const candidates = PAGE_SIZES.map((size) => ({ size, ...recordsAhead(ahead, size) })).filter(({ wrong }) => !wrong);
  // Only in a file that is cut off does none reach its four records: the one with the most is then the likeliest.
  const [best] = candidates.sort((a, b) => b.records - a.records);
  if (best !== undefined) return best.size;
  throw badValue(cursor, cursor.offset, 'page', 'no target page size makes sense of what follows it');
}

/** How many records follow a page of that size, and whether something follows that is none. */
function recordsAhead(ahead: Uint8Array, pageSize: number): { readonly records: number; readonly wrong: boolean } {
  let at = pageSize;
  for (let records = 0; records < PROBE_RECORDS; records++) {
    if (at + 9 > ahead.length) return { records, wrong: false };
    const word = readUint(ahead, at, 8);
    const { address, flags } = splitRamWord(word);
    if (word === RAM_FLAG.eos) return { records: PROBE_RECORDS, wrong: false };
    const kind = kindOf(flags & ~RAM_FLAG.continue);
    if (kind === null || !Number.isSafeInteger(word) || address % pageSize !== 0) return { records, wrong: true };
    if (kind !== 'page' && kind !== 'zero') return { records: records + 1, wrong: false };
    at += 8 + ((flags & RAM_FLAG.continue) === 0 ? 1 + (ahead[at + 8] ?? 0) : 0) + (kind === 'page' ? pageSize : 1);
  }
  return { records: PROBE_RECORDS, wrong: false };
}
