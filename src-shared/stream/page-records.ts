import { ByteCursor } from '../bytes/cursor';
import { decodeText } from '../bytes/text';
import { badValue } from '../bytes/table';
import { readUint } from '../bytes/uint';
import { fileOffset, hex, type FileOffset } from '../bytes/units';
import { RAM_FLAG, splitRamWord, type Layout } from './layout';
import type { PageCounts, RamBlock } from './model';

/** Large enough that reading is bound by the disk, small enough to hold several. */
const WINDOW = 4 * 1024 * 1024;
/** Target page sizes to try when the stream does not tell its own: all that QEMU's targets have, commonest first. */
const PAGE_SIZES = [4096, 8192, 65536, 16384, 1024, 2048, 32768];
const SMALLEST_PAGE = 1024;
/** Records that must read well one after another before a page size is believed. */
const PROBE_RECORDS = 4;
/** So many bytes behind a page record's front tell its page size. */
export const PROBE_BYTES = PROBE_RECORDS * (8 + 256 + 65536);
/** So many bytes are at hand before a record is looked at: enough for the longest one and for those of a probe. */
const AT_HAND = (PROBE_RECORDS + 1) * (8 + 256 + 65536);
const LONGEST_PACKED_PAGE = 2 * 65536;

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
  const records = new RecordReader(cursor, context, visit);
  do {
    const due = Math.min(AT_HAND, Math.max(cursor.remaining, 1));
    if (!cursor.has(due)) await cursor.need(due, 'page record');
  } while (!records.readWindow());
  const { page, zero, xbzrle, packed } = records.counts;
  return {
    counts: { pages: page, zeroPages: zero, packedPages: xbzrle + packed },
    end: cursor.offset,
    elsewhere: records.elsewhere,
  };
}

/** Reads the records of one window after another without waiting: a large VM's stream has tens of millions. */
class RecordReader {
  readonly counts: Record<PageKind, number> = { page: 0, zero: 0, xbzrle: 0, packed: 0 };
  elsewhere: FileOffset | null = null;
  readonly #cursor: ByteCursor;
  readonly #context: PageContext;
  readonly #visit: PageVisitor | null;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where in the window the next byte is, and where in the file the window begins. */
  #at = 0;
  #base = 0;

  constructor(cursor: ByteCursor, context: PageContext, visit: PageVisitor | null) {
    this.#cursor = cursor;
    this.#context = context;
    this.#visit = visit;
  }

  /** Reads the records that are wholly in the cursor's window and moves it behind them. True at the end of the section. */
  readWindow(): boolean {
    this.#bytes = this.#cursor.rest();
    this.#at = 0;
    this.#base = this.#cursor.offset;
    const isLast = this.#bytes.length === this.#cursor.remaining;
    const limit = isLast ? this.#bytes.length - 1 : this.#bytes.length - AT_HAND;
    let ended = false;
    while (!ended && this.#at <= limit) ended = this.#readRecord();
    this.#cursor.seek(this.#base + this.#at);
    return ended;
  }

  #readRecord(): boolean {
    const start = this.#at;
    const upper = this.#take32();
    const lower = this.#take32();
    const flags = lower & 0x3ff;
    const address = upper * 2 ** 32 + (lower - flags);
    if (flags === RAM_FLAG.eos && address === 0) return true;
    if (flags === RAM_FLAG.hook || flags === RAM_FLAG.multifdFlush) {
      this.elsewhere ??= fileOffset(this.#base + start);
      return false;
    }
    const kind = kindOf(flags & ~RAM_FLAG.continue);
    if (kind === null) throw this.#bad(start, 'RAM word', `flags ${hex(flags)} are those of no record`);
    const block = this.#blockOf(start, flags);
    if (address >= block.usedLength) {
      throw this.#bad(start, 'RAM word', `page ${hex(address)} is past the end of ${block.name}`);
    }
    if (address % (this.#context.pageSize ?? SMALLEST_PAGE) !== 0) {
      throw this.#bad(start, 'RAM word', `${hex(address)} is not the start of a page`);
    }
    this.#visit?.(block, address, kind, this.#base + this.#at);
    this.counts[kind]++;
    this.#skipPayload(kind);
    return false;
  }

  #blockOf(start: number, flags: number): RamBlock {
    const context = this.#context;
    if ((flags & RAM_FLAG.continue) !== 0) {
      if (context.lastBlock === null) throw this.#bad(start, 'RAM word', 'it continues a block before any was named');
      return context.lastBlock;
    }
    const nameAt = this.#at;
    const length = this.#takeUint(context.layout.pageBlock.fields[0].size);
    const name = decodeText(this.#bytes.subarray(this.#skip(length), this.#at));
    const block = context.blocks.get(name);
    if (block === undefined) throw this.#bad(nameAt, 'name', `"${name}" is no RAM block of this stream`);
    context.lastBlock = block;
    return block;
  }

  #skipPayload(kind: PageKind): void {
    switch (kind) {
      case 'zero':
        this.#skip(1);
        return;
      case 'page':
        this.#context.pageSize ??= this.#probePageSize();
        this.#skip(this.#context.pageSize);
        return;
      case 'xbzrle':
        // u8 encoding, u16 length, then that many bytes.
        this.#skip(1);
        this.#skip(this.#takeUint(2));
        return;
      case 'packed': {
        const lengthAt = this.#at;
        const length = this.#takeUint(4);
        if (length > LONGEST_PACKED_PAGE) {
          throw this.#bad(lengthAt, 'length', `${length} bytes are more than a page packs to`);
        }
        this.#skip(length);
      }
    }
  }

  #probePageSize(): number {
    const size = probePageSize(this.#bytes.subarray(this.#at));
    if (size !== null) return size;
    throw this.#bad(this.#at, 'page', 'no target page size makes sense of what follows it');
  }

  /** Moves on and answers with where it was. */
  #skip(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) {
      this.#cursor.seek(this.#base + start);
      throw this.#cursor.truncated(length, 'page record');
    }
    this.#at = start + length;
    return start;
  }

  #takeUint(size: number): number {
    return readUint(this.#bytes, this.#skip(size), size);
  }

  #take32(): number {
    const at = this.#skip(4);
    const bytes = this.#bytes;
    return (
      (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>>
      0
    );
  }

  #bad(at: number, field: string, what: string): Error {
    return badValue(this.#cursor, this.#base + at, field, what);
  }
}

/**
 * The target page size with which the records behind a page's bytes, which begin `ahead`, read as records; null when there is
 * none. A wrong one would need page contents that look like words with known flags at exactly the right places. `ahead` has
 * PROBE_BYTES, fewer only where the stream ends.
 */
export function probePageSize(ahead: Uint8Array): number | null {
  const candidates = PAGE_SIZES.map((size) => ({ size, ...recordsAhead(ahead, size) })).filter(({ wrong }) => !wrong);
  // Only in a file that is cut off does none reach its four records: the one with the most is then the likeliest.
  const [best] = candidates.sort((a, b) => b.records - a.records);
  return best?.size ?? null;
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

/** How many records follow a page of that size, and whether something follows that is none. */
function recordsAhead(ahead: Uint8Array, pageSize: number): { readonly records: number; readonly wrong: boolean } {
  let at = pageSize;
  for (let records = 0; records < PROBE_RECORDS; records++) {
    if (at + 9 > ahead.length) return { records, wrong: false };
    const word = readUint(ahead, at, 8);
    const { address, flags } = splitRamWord(word);
    // What follows these is not known here; that they stand where a record is due decides.
    if (word === RAM_FLAG.eos || word === RAM_FLAG.multifdFlush || word === RAM_FLAG.hook) {
      return { records: PROBE_RECORDS, wrong: false };
    }
    const kind = kindOf(flags & ~RAM_FLAG.continue);
    if (kind === null || !Number.isSafeInteger(word) || address % pageSize !== 0) return { records, wrong: true };
    if (kind !== 'page' && kind !== 'zero') return { records: records + 1, wrong: false };
    at += 8 + ((flags & RAM_FLAG.continue) === 0 ? 1 + (ahead[at + 8] ?? 0) : 0) + (kind === 'page' ? pageSize : 1);
  }
  return { records: PROBE_RECORDS, wrong: false };
}
