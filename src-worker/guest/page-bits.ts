import { swapWords } from '@shared/bytes/bits';
import type { Endian } from '@shared/bytes/uint';
import { fileOffset } from '@shared/bytes/units';
import type { Bitmap } from '@shared/mapped-ram/bitmap';
import { nextBit } from '../channels/bits';
import type { SeekableChannel } from '../io/seekable';

/** Bytes of a bitmap that are kept: 8 GiB of 4 KiB pages. Whole words. */
const WINDOW_BYTES = 256 * 1024;

/**
 * Which pages of one block are in the file. Reads as it goes, without waiting, and keeps one window of the bitmap, so that
 * its memory does not grow with the block.
 */
export class PageBits {
  readonly #file: SeekableChannel;
  readonly #bitmap: Bitmap;
  readonly #order: Endian;
  #window: Uint8Array = new Uint8Array(0);
  /** Page of the window's first bit; no window yet: -1. */
  #first = -1;
  /** All pages from the window's first one to before this one are absent: the bitmap has a hole there. */
  #emptyTo = 0;

  /** `order`: of the bytes in the bitmap's words. */
  constructor(file: SeekableChannel, bitmap: Bitmap, order: Endian) {
    this.#file = file;
    this.#bitmap = bitmap;
    this.#order = order;
  }

  /** Throws `file.*` when the bitmap cannot be read. */
  has(page: number): boolean {
    return page < this.#bitmap.pages && this.next(page, page + 1, true) === page;
  }

  /** The first page from `page` to before `end` that is present (or, not `wanted`, absent); `end` when there is none. */
  next(page: number, end: number, wanted: boolean): number {
    for (let at = page; at < end;) {
      const window = this.#windowAt(at);
      if (at < this.#emptyTo) {
        if (!wanted) return at;
        at = Math.min(end, this.#emptyTo);
        continue;
      }
      const stop = Math.min(end - this.#first, window.length * 8);
      const found = nextBit(window, at - this.#first, stop, wanted);
      at = this.#first + found;
      if (found < stop) return at;
    }
    return end;
  }

  /** The bits of eight pages from `page` on, a multiple of 8, the first lowest; 0 for pages that there are not. */
  eightAt(page: number): number {
    if (page >= this.#bitmap.pages) return 0;
    const window = this.#windowAt(page);
    return window[(page - this.#first) / 8] ?? 0;
  }

  #windowAt(page: number): Uint8Array {
    const first = page - (page % (WINDOW_BYTES * 8));
    if (first === this.#first) return this.#window;
    const from = first / 8;
    const bytes = new Uint8Array(Math.min(WINDOW_BYTES, this.#bitmap.length - from));
    const hole = this.#holeAt(from);
    if (hole < bytes.length) this.#file.readv([bytes], fileOffset(this.#bitmap.offset + from));
    this.#emptyTo = hole < bytes.length ? 0 : first + hole * 8;
    const window = this.#order === 'little' ? bytes : swapWords(bytes);
    // Bits past the block's last page are 0 in a good file.
    const spare = first + window.length * 8 - this.#bitmap.pages;
    for (let bit = 0; bit < spare; bit++) {
      const at = window.length * 8 - 1 - bit;
      window[at >> 3] = (window[at >> 3] ?? 0) & ~(1 << (at & 7));
    }
    this.#first = first;
    return (this.#window = window);
  }

  /** Bytes of the bitmap from `from` on that are a hole, so that the bitmap of a huge block need not be read to its end. */
  #holeAt(from: number): number {
    const extent = this.#file.extentAt(fileOffset(this.#bitmap.offset + from));
    return extent?.kind === 'hole' ? Math.min(extent.length, this.#bitmap.length - from) : 0;
  }
}
