import type { KnownFile } from './known-file';
import type { ScanEnd, ScanWork } from './scan';
import { PageWindows, presentBytes, throughWindows, type ScanThreads } from './windows';

/** Finds class and entropy of every present page. */
export class ClassesScan implements ScanWork {
  doneBytes = 0;
  totalBytes = 0;
  readonly #file: () => Promise<KnownFile>;
  readonly #threads: ScanThreads;
  #windows: PageWindows | null = null;

  constructor(file: () => Promise<KnownFile>, threads: ScanThreads) {
    this.#file = file;
    this.#threads = threads;
  }

  async run(stopped: () => boolean): Promise<ScanEnd> {
    const blocks = await (await this.#file()).blocks();
    for (const block of blocks) block.beginLooks();
    this.totalBytes = blocks.reduce((sum, block) => sum + presentBytes(block), 0);
    this.#windows ??= new PageWindows(blocks);
    return throughWindows(
      await this.#threads.open(),
      this.#windows,
      (thread, { block, first, count }) => thread.classifyPages(block.name, first, count),
      ({ block, first, bytes }, { looks }) => {
        block.tellLooks(first, looks);
        this.doneBytes += bytes;
      },
      stopped,
    );
  }
}
