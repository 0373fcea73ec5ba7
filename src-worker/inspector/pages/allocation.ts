import { DataRuns } from '../../io/data-runs';
import { takingTurns } from '../../io/turns';
import { holesAreKnown } from '../../snapshot/check';
import type { BlockFacts } from './block-facts';
import type { KnownFile } from './known-file';
import type { ScanEnd, ScanWork } from './scan';

const NO_HOLES = 'The file system does not tell where this file has holes.';

/**
 * Looks where the file has bytes on disk. It runs between the calls of the worker itself, some extents at a time: nothing is
 * read but what the file system knows.
 */
export class AllocationScan implements ScanWork {
  doneBytes = 0;
  totalBytes = 0;
  readonly #file: () => Promise<KnownFile>;
  /** Block by block; a block's walk is kept where it was stopped. */
  #walks: readonly BlockWalk[] | null = null;

  constructor(file: () => Promise<KnownFile>) {
    this.#file = file;
  }

  async run(stopped: () => boolean): Promise<ScanEnd> {
    const file = await this.#file();
    const { source } = file;
    const blocks = await file.blocks();
    this.#walks ??= blocks.map((block) => new BlockWalk(block));
    this.totalBytes = this.#walks.reduce((sum, { bytes }) => sum + bytes, 0);
    const runs = new DataRuns(source.fd);
    const turn = takingTurns();
    for (const walk of this.#walks) {
      while (!walk.done) {
        if (stopped()) return 'stopped';
        const slice = runs.next(walk.at, walk.end);
        if (runs.mapped === false && !(await holesAreKnown(source))) return { impossible: NO_HOLES };
        walk.take(slice.runs, slice.end);
        this.doneBytes = this.#walks.reduce((sum, { doneBytes }) => sum + doneBytes, 0);
        await turn();
      }
    }
    return 'done';
  }
}

/** The page region of one block, walked from its first byte to its last. */
class BlockWalk {
  readonly end: number;
  readonly bytes: number;
  /** How far was looked. */
  at: number;
  readonly #block: BlockFacts;
  /** Where the hole begins that may still go on; what is before it was told. */
  #hole: number;

  constructor(block: BlockFacts) {
    this.#block = block;
    this.bytes = block.pages * block.pageSize;
    this.at = block.pagesOffset;
    this.end = this.at + this.bytes;
    this.#hole = this.at;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  get doneBytes(): number {
    return this.at - (this.end - this.bytes);
  }

  /** Takes in runs of data up to `looked`, as DataRuns tells them. */
  take(runs: readonly number[], looked: number): void {
    const { pagesOffset, pageSize } = this.#block;
    const [first, behind] = [
      (offset: number): number => Math.floor((offset - pagesOffset) / pageSize),
      (offset: number): number => Math.ceil((offset - pagesOffset) / pageSize),
    ];
    const tellHole = (to: number): void => {
      if (to > this.#hole) this.#block.tellHole(first(this.#hole), behind(to));
    };
    for (let index = 0; index + 1 < runs.length; index += 2) {
      const [start, end] = [runs[index] ?? 0, runs[index + 1] ?? 0];
      tellHole(start);
      this.#block.tellData(first(start), behind(end));
      this.#hole = end;
    }
    tellHole(looked);
    [this.at, this.#hole] = [looked, looked];
  }
}
