import type { ByteCursor } from '../bytes/cursor';
import { RAM_FLAG, splitRamWord, type Layout } from './layout';
import type { PageCounts, ParsedStream, RamBlock } from './model';
import { walkPageRecords, type PageContext } from './page-records';
import type { Problems } from './problems';
import { readRamBlocks, type RecordShape } from './ram-blocks';
import { badValue, readStruct } from '../bytes/table';

/** Version of the RAM section since QEMU 0.12; loading refuses any other. */
export const RAM_VERSION = 4;

/** What the RAM sections of a stream are read into. */
export interface RamState {
  total: ParsedStream['ramTotal'];
  readonly blocks: RamBlock[];
  /** From the configuration; null where the stream has none. */
  readonly shape: RecordShape | null;
  readonly targetPageSize: number | null;
  pages: PageContext | null;
  /** A problem about pages that are not in the file is said once. */
  elsewhereSaid: boolean;
}

/**
 * Reads the data of a RAM section: the announced total and the block list where they stand, then page records, to the
 * end-of-section word. Leaves the cursor behind that word. Null counts: it holds no page records.
 */
export async function readRamData(
  cursor: ByteCursor,
  layout: Layout,
  state: RamState,
  problems: Problems,
): Promise<PageCounts | null> {
  const word = await readStruct(cursor, layout.ramWord);
  const { address, flags } = splitRamWord(word.values.word);
  if (flags === RAM_FLAG.memSize) {
    if (state.total !== null) throw badValue(cursor, word.offset, 'total', 'the RAM blocks are listed a second time');
    state.total = { record: word, bytes: address };
    await readRamBlocks(cursor, layout, address, state.shape, state.blocks, problems);
  } else {
    cursor.seek(word.offset);
  }
  state.pages ??= {
    layout,
    blocks: new Map(state.blocks.map((block) => [block.name, block])),
    pageSize: state.targetPageSize,
    lastBlock: null,
  };
  return walkRecords(cursor, state, problems, state.pages);
}

async function walkRecords(
  cursor: ByteCursor,
  state: RamState,
  problems: Problems,
  pages: PageContext,
): Promise<PageCounts | null> {
  const endOfSection = await readStruct(cursor, pages.layout.ramWord);
  if (endOfSection.values.word === RAM_FLAG.eos) return null;
  const walk = await walkPageRecords(cursor.source, cursor.size, endOfSection.offset, pages);
  cursor.seek(walk.end);
  if (walk.elsewhere !== null && !state.elsewhereSaid && !state.blocks.some((block) => block.header !== null)) {
    state.elsewhereSaid = true;
    const message = 'Pages were sent beside this stream (multifd or RDMA): they are not in this file.';
    problems.add('error', 'pages-elsewhere', walk.elsewhere, message);
  }
  return walk.counts;
}
