import { RunFinder } from '@shared/bytes/bits';

/** Bytes of one chunk: 4096 pages, 16 MiB of RAM with pages of 4 KiB. */
const CHUNK_BYTES = 512;
const CHUNK_PAGES = CHUNK_BYTES * 8;

/**
 * A set of pages of one block, in memory that grows with the pages in it and not with what a stream says of the block's size.
 * Bit n of its bytes is page n, counted from the lowest bit of each byte, as in a bitmap of a little-endian host.
 */
export class SparsePages {
  readonly #chunks = new Map<number, Uint8Array>();
  #lastIndex = -1;
  #last: Uint8Array | undefined;
  #size = 0;

  /** Number of pages in it. */
  get size(): number {
    return this.#size;
  }

  add(page: number): void {
    const at = page % CHUNK_PAGES;
    const index = (page - at) / CHUNK_PAGES;
    let chunk = this.#chunk(index);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_BYTES);
      this.#chunks.set(index, chunk);
      this.#last = chunk;
    }
    const byte = chunk[at >>> 3] ?? 0;
    const bit = 1 << (at & 7);
    if ((byte & bit) !== 0) return;
    chunk[at >>> 3] = byte | bit;
    this.#size++;
  }

  /** Takes a page out. False when it was not in. */
  delete(page: number): boolean {
    const at = page % CHUNK_PAGES;
    const chunk = this.#chunk((page - at) / CHUNK_PAGES);
    const byte = chunk?.[at >>> 3] ?? 0;
    const bit = 1 << (at & 7);
    if (chunk === undefined || (byte & bit) === 0) return false;
    chunk[at >>> 3] = byte & ~bit;
    this.#size--;
    return true;
  }

  /** The bitmap where it is not empty: bytes and where in the bitmap they begin, in ascending order. */
  *parts(): Generator<{ readonly at: number; readonly bytes: Uint8Array }> {
    for (const index of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const bytes = this.#chunks.get(index);
      if (bytes !== undefined) yield { at: index * CHUNK_BYTES, bytes };
    }
  }

  /** Runs of pages in order, each as its first page and the page behind its last. */
  runs(): readonly (readonly [number, number])[] {
    const runs: (readonly [number, number])[] = [];
    const onRun = (first: number, end: number): void => void runs.push([first, end]);
    const finder = new RunFinder();
    let position = 0;
    for (const { at, bytes } of this.parts()) {
      if (at > position) finder.addClear((at - position) * 8, onRun);
      finder.add(bytes, onRun);
      position = at + bytes.length;
    }
    finder.finish(onRun);
    return runs;
  }

  #chunk(index: number): Uint8Array | undefined {
    if (index !== this.#lastIndex) {
      this.#lastIndex = index;
      this.#last = this.#chunks.get(index);
    }
    return this.#last;
  }
}
