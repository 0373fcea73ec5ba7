/** What a file takes up, and whether a mapped-ram file keeps within its bounds. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const MIB = 2 ** 20;
const PAGE_BYTES = 4096;
/** For the device state, its description and what the file system rounds up. */
const REST = 4 * MIB;
const BLOCK_BYTES = 512;

export interface FileSize {
  readonly fileBytes: number;
  readonly allocatedBytes: number;
}

export async function sizeOf(path: string): Promise<FileSize> {
  const { size, blocks } = await stat(path);
  return { fileBytes: size, allocatedBytes: blocks * BLOCK_BYTES };
}

interface Block {
  readonly usedLength: number;
  readonly bitmapLength: number;
  readonly pagesPresent: number;
}

/** Judges the mapped-ram files of one VM, whose RAMBlocks are the same every time. */
export class Bounds {
  #mostApparent = Infinity;

  /**
   * What is too large about a whole file, read with test/independent/walk.mjs: apparent at most Σ used lengths +
   * Σ (bitmap + 1 MiB) + 4 MiB, allocated at most the pages that were ever present + the same. The guest never makes a page
   * zero again, so the pages that are present are all that ever were.
   */
  async ofWhole(path: string, size: FileSize): Promise<readonly string[]> {
    const args = [resolve('test/independent/walk.mjs'), path];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
    const { ramBlocks } = JSON.parse(stdout) as { ramBlocks: readonly Block[] };
    const sum = (value: (block: Block) => number): number =>
      ramBlocks.reduce((total, block) => total + value(block), 0);
    const around = sum(({ bitmapLength }) => bitmapLength + MIB) + REST;
    this.#mostApparent = sum(({ usedLength }) => usedLength) + around;
    const mostAllocated = sum(({ pagesPresent }) => pagesPresent) * PAGE_BYTES + around;
    return [
      ...this.ofUnfinished(size),
      ...(size.allocatedBytes > mostAllocated
        ? [`The file takes up ${size.allocatedBytes} bytes; ${mostAllocated} are enough.`]
        : []),
    ];
  }

  /** Of one that was given up: its length, once a whole one was seen. */
  ofUnfinished({ fileBytes }: FileSize): readonly string[] {
    return fileBytes > this.#mostApparent ? [`The file has ${fileBytes} bytes; ${this.#mostApparent} are enough.`] : [];
  }
}
