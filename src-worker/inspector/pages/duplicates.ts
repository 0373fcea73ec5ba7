import type { BlockFacts } from './block-facts';
import { HashTable, hashesIn } from './hash-table';
import type { KnownFile } from './known-file';
import type { ScanEnd, ScanWork } from './scan';
import { PageWindows, presentBytes, throughWindows, type PageWindow, type ScanThreads } from './windows';

/** Bytes of hashes that are kept: of 4.4 million pages, 17 GiB. */
const TABLE_BYTES = 64 * 1024 * 1024;

/** One time through all pages, in which those count whose hash leaves `part` when divided by `parts`. */
interface Round {
  readonly part: number;
  readonly windows: PageWindows;
}

/**
 * Finds pages that have the same bytes, by their hashes. Where there are more pages than hashes fit into memory, they are read
 * several times, and another part of the hashes is looked at each time.
 */
export class DuplicatesScan implements ScanWork {
  doneBytes = 0;
  totalBytes = 0;
  readonly #file: () => Promise<KnownFile>;
  readonly #threads: ScanThreads;
  readonly #tableBytes: number;
  #table: HashTable | null = null;
  #round: Round | null = null;
  #blocks: readonly BlockFacts[] = [];
  /** Each block's first page in a numbering of all pages. */
  readonly #starts = new Map<BlockFacts, number>();

  constructor(file: () => Promise<KnownFile>, threads: ScanThreads, tableBytes: number = TABLE_BYTES) {
    this.#file = file;
    this.#threads = threads;
    this.#tableBytes = tableBytes;
  }

  async run(stopped: () => boolean): Promise<ScanEnd> {
    this.#blocks = await (await this.#file()).blocks();
    this.#number();
    const bytes = this.#blocks.reduce((sum, block) => sum + presentBytes(block), 0);
    const hashes = this.#blocks.reduce((sum, block) => sum + presentBytes(block) / block.pageSize, 0);
    const parts = partsOf(hashes, hashesIn(this.#tableBytes));
    this.totalBytes = bytes * parts;
    const threads = await this.#threads.open();
    this.#table ??= new HashTable(Math.min(hashes, hashesIn(this.#tableBytes)));
    for (let part = this.#round?.part ?? 0; part < parts; part++) {
      if (this.#round?.part !== part) {
        this.#round = { part, windows: new PageWindows(this.#blocks) };
        this.#table.clear();
      }
      const table = this.#table;
      const ended = await throughWindows(
        threads,
        this.#round.windows,
        async (thread, { block, first, count }) => (await thread.hashPages(block.name, first, count)).hashes,
        (window, found) => {
          this.#take(window, found, table, { part, parts });
          this.doneBytes += window.bytes;
        },
        stopped,
      );
      if (ended === 'stopped') return ended;
    }
    this.#table = null;
    return 'done';
  }

  #number(): void {
    let start = 0;
    for (const block of this.#blocks) {
      this.#starts.set(block, start);
      start += block.pages;
    }
  }

  #take(
    { block, first }: PageWindow,
    hashes: Uint32Array,
    table: HashTable,
    { part, parts }: { readonly part: number; readonly parts: number },
  ): void {
    const start = this.#starts.get(block) ?? 0;
    for (let at = 0; at + 1 < hashes.length; at += 2) {
      const [low, high] = [hashes[at] ?? 0, hashes[at + 1] ?? 0];
      // The upper word chooses the part, the lower one the place in the table.
      if ((low === 0 && high === 0) || high % parts !== part) continue;
      const page = first + at / 2;
      const same = table.seen(low, high, start + page);
      if (same === null) continue;
      block.markPage('duplicate', page);
      this.#mark(same);
    }
  }

  /** Marks a page by its number among all. */
  #mark(number: number): void {
    for (const block of this.#blocks) {
      const page = number - (this.#starts.get(block) ?? 0);
      if (page >= 0 && page < block.pages) block.markPage('duplicate', page);
    }
  }
}

/** Parts that hashes have to be taken in. They differ in size by chance; some room is left for that. */
function partsOf(hashes: number, room: number): number {
  return hashes <= room ? 1 : Math.ceil((hashes * 1.1) / room);
}
