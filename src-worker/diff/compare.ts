import { PAGE_CHANGES, type PageChange, type UnitDiff } from '@shared/contracts/diff';
import type { GuestBlock, GuestFile } from '../guest/guest-file';
import { differingOver, type Differing } from './kernels';
import { nextPresent, type PairUnit } from './pairs';

/** Bytes of either file that are compared at a time. A call costs some µs: below 1 MiB that is felt. At least one page. */
const CHUNK_BYTES = 1024 * 1024;
/** Pages of the smallest size in a chunk. */
const MOST_PAGES = CHUNK_BYTES / 512;
const WASM_PAGE = 64 * 1024;

/** Compares pages of two files, through one memory that both are read into. */
export class PageComparison {
  readonly #files: readonly [GuestFile, GuestFile];
  readonly #views: readonly [Uint8Array, Uint8Array];
  readonly #flags: Uint8Array;
  readonly #differing: Differing;

  /** `pageSize`: of the largest page. */
  constructor(a: GuestFile, b: GuestFile, pageSize: number) {
    const chunk = Math.max(CHUNK_BYTES, pageSize);
    const pages = Math.ceil((2 * chunk + MOST_PAGES) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#files = [a, b];
    this.#views = [new Uint8Array(memory.buffer, 0, chunk), new Uint8Array(memory.buffer, chunk, chunk)];
    this.#flags = new Uint8Array(memory.buffer, 2 * chunk, MOST_PAGES);
    this.#differing = differingOver(memory);
  }

  /** Throws `file.*`. */
  compare({ pair, first, end, bytes }: PairUnit): UnitDiff {
    const { name, pageSize, a, b } = pair;
    const counts = { added: 0, removed: 0, changed: 0 };
    const runs: number[] = [];
    const most = Math.floor(this.#views[0].length / pageSize);
    for (let page = nextPresent(pair, first, end); page < end;) {
      const count = Math.min(most, end - page);
      this.#load(0, a, page * pageSize, count * pageSize);
      this.#load(1, b, page * pageSize, count * pageSize);
      const found = this.#compareLoaded(pageSize, count);
      const flags = this.#flags.subarray(0, count);
      for (let index = found > 0 ? flags.indexOf(1) : -1; index >= 0;) {
        const inA = a?.present.has(page + index) ?? false;
        const inB = b?.present.has(page + index) ?? false;
        const change = inA && inB ? 'changed' : inA ? 'removed' : 'added';
        counts[change]++;
        addPage(runs, page + index, change);
        index = flags.indexOf(1, index + 1);
      }
      page = nextPresent(pair, page + count, end);
    }
    return { block: name, ...counts, runs, bytes };
  }

  #compareLoaded(pageSize: number, count: number): number {
    const [a, b] = this.#views;
    return this.#differing(a.byteOffset, b.byteOffset, pageSize, count, this.#flags.byteOffset);
  }

  /** The bytes of one side; zeros where the block has ended or is not in the file. */
  #load(side: 0 | 1, block: GuestBlock | null, offset: number, length: number): void {
    const view = this.#views[side].subarray(0, length);
    const there = block === null ? 0 : Math.max(0, Math.min(length, block.length - offset));
    if (block !== null && there > 0) this.#files[side].read(block, offset, view.subarray(0, there));
    view.fill(0, there);
  }
}

/** Adds a page behind all others to runs of first page, number of pages and change. */
function addPage(runs: number[], page: number, change: PageChange): void {
  const at = runs.length - 3;
  const [first, count, last] = [runs[at], runs[at + 1], runs[at + 2]];
  const number = PAGE_CHANGES.indexOf(change);
  if (first !== undefined && count !== undefined && first + count === page && last === number) runs[at + 1] = count + 1;
  else runs.push(page, 1, number);
}
