/** What a block's bitmap and the file's holes disagree about. */
import type { ByteSource } from '@shared/bytes/source';
import type { PageAllocation } from '@shared/contracts/report';
import { eachRuns } from '@shared/mapped-ram/bitmap';
import { bitmapOf } from '@shared/mapped-ram/byte-order';
import type { RamBlock } from '@shared/stream/model';
import { ExtentWalk } from '../snapshot/extent-walk';
import type { OpenSnapshot } from '../snapshot/open';
import type { Turn } from './turn';

/** Counts a block's stale and lost pages in steps; null where its pages have no places or the bitmaps cannot be read. */
export async function pageAllocation(
  { source, stream, order }: OpenSnapshot,
  block: RamBlock,
  turn: Turn,
): Promise<PageAllocation | null> {
  const { header } = block;
  const bitmap = bitmapOf(block, stream.size);
  if (bitmap === null || header?.mapped == null || order === 'unknown') return null;
  const counter = new Counter(source, header.mapped.pages.offset, header.pageSize, turn);
  await eachRuns(source, bitmap, order === 'either' ? 'little' : order, async (runs) => {
    for (let at = 0; at + 1 < runs.length; at += 2) await counter.present(runs[at] ?? 0, runs[at + 1] ?? 0);
  });
  return counter.finish(header.pagesTotal);
}

/** Sees the runs of present pages in their order; what lies between them is clear. */
class Counter {
  readonly #walk: ExtentWalk;
  readonly #base: number;
  readonly #pageSize: number;
  readonly #turn: Turn;
  #clearFrom = 0;
  /** One past the last page that was counted: a page may have a few extents. */
  #counted = 0;
  #stale = 0;
  #lost = 0;

  constructor(source: ByteSource, base: number, pageSize: number, turn: Turn) {
    this.#walk = new ExtentWalk(source);
    this.#base = base;
    this.#pageSize = pageSize;
    this.#turn = turn;
  }

  async present(first: number, end: number): Promise<void> {
    this.#stale += await this.#count('data', this.#clearFrom, first);
    this.#lost += await this.#count('hole', first, end);
    this.#clearFrom = end;
  }

  async finish(pages: number): Promise<PageAllocation> {
    this.#stale += await this.#count('data', this.#clearFrom, pages);
    return { stale: this.#stale, lost: this.#lost };
  }

  /** How many of the pages have a byte in an extent of that kind. */
  async #count(wanted: 'data' | 'hole', first: number, end: number): Promise<number> {
    if (this.#turn.due) await this.#turn.pass();
    let found = 0;
    await this.#walk.within(this.#place(first), this.#place(end), (kind, from, to) => {
      if (kind !== wanted) return;
      const start = Math.max(this.#counted, Math.floor((from - this.#base) / this.#pageSize));
      const stop = Math.ceil((to - this.#base) / this.#pageSize);
      found += Math.max(0, stop - start);
      this.#counted = Math.max(this.#counted, stop);
    });
    return found;
  }

  #place(page: number): number {
    return this.#base + page * this.#pageSize;
  }
}
