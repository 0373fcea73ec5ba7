/** What a synthetic guest writes to its memory, and which pages it has marked. No file and no time of its own. */
import type { SyntheticGuestOptions, SyntheticWritten } from '@shared/contracts/synthetic';

/** Writes bytes at an offset of the memory. */
export type Put = (bytes: Uint8Array, offset: number) => void;

/** Bytes that are written at once before the guest runs. */
const FILL_BYTES = 1024 * 1024;
/** Pages that nobody writes to before the guest runs come in groups of this many, as they do in real guests. */
const GROUP_PAGES = 64;
/** Bytes of a page that a running guest changes: guests change words, not pages. */
const WORD_BYTES = 8;

export class Memory {
  readonly #options: SyntheticGuestOptions;
  readonly #put: Put;
  readonly #pages: number;
  readonly #workingPages: number;
  #dirty: Uint8Array;
  readonly #block: Uint8Array;
  readonly #zeros: Uint8Array;
  readonly #word = new Uint8Array(WORD_BYTES);
  readonly #halves = new Uint32Array(this.#word.buffer);
  /** Counts words, so that no two of them are alike. */
  #words = 0;
  readonly #random: () => number;
  /** Page that is filled next, before the guest runs. */
  #filled = 0;
  #untouched = false;
  /** Page of the working set that is written next. */
  #next = 0;
  #writes = 0;
  #zeroed = 0;

  constructor(options: SyntheticGuestOptions, put: Put) {
    const { ramBytes, pageSize, workingSetBytes, seed } = options;
    this.#options = options;
    this.#put = put;
    this.#pages = ramBytes / pageSize;
    this.#workingPages = Math.floor(workingSetBytes / pageSize);
    this.#dirty = new Uint8Array(Math.ceil(this.#pages / 8));
    this.#block = new Uint8Array(Math.max(FILL_BYTES, pageSize));
    this.#zeros = new Uint8Array(pageSize);
    this.#random = randomFrom(seed);
  }

  get written(): SyntheticWritten {
    return { writes: this.#writes, zeroed: this.#zeroed };
  }

  /**
   * Writes some more of what is there before the guest runs: noise in every page but the zero ones, which are not touched at
   * all. False when all is written.
   */
  fill(): boolean {
    const { pageSize, zeroShare } = this.#options;
    const end = Math.min(this.#pages, this.#filled + this.#block.length / pageSize);
    const first = this.#filled;
    let run = first;
    for (let page = first; page < end; page += 1) {
      if (page % GROUP_PAGES === 0) this.#untouched = this.#random() < zeroShare;
      if (this.#untouched) {
        this.#putRun(first, run, page);
        run = page + 1;
      } else {
        this.#noise((page - first) * pageSize);
        this.#mark(page);
      }
    }
    this.#putRun(first, run, end);
    this.#filled = end;
    return end < this.#pages;
  }

  /** Changes the next page of the working set, around and around: a word of it, or all of it to zeros. */
  writeNext(): void {
    const { pageSize, zeroAgainShare } = this.#options;
    const page = this.#next;
    this.#next = page + 1 < this.#workingPages ? page + 1 : 0;
    this.#writes += 1;
    // Written first, marked after: see `SyntheticApi.syncGuest`.
    if (zeroAgainShare > 0 && this.#random() < zeroAgainShare) {
      this.#put(this.#zeros, page * pageSize);
      this.#zeroed += 1;
    } else {
      this.#setWord();
      this.#put(this.#word, page * pageSize + Math.floor(this.#random() * (pageSize / WORD_BYTES)) * WORD_BYTES);
    }
    this.#mark(page);
  }

  /** The marks, which are clear afterwards. */
  takeDirty(): Uint8Array {
    const dirty = this.#dirty;
    this.#dirty = new Uint8Array(dirty.length);
    return dirty;
  }

  #putRun(first: number, from: number, to: number): void {
    const { pageSize } = this.#options;
    if (from < to) this.#put(this.#block.subarray((from - first) * pageSize, (to - first) * pageSize), from * pageSize);
  }

  /** A page that differs from every other: some words of noise are enough. */
  #noise(at: number): void {
    const { pageSize } = this.#options;
    this.#block.fill(0, at, at + pageSize);
    for (let step = 0; step < pageSize; step += 512) {
      this.#setWord();
      this.#block.set(this.#word, at + step);
    }
  }

  /** Never zero. */
  #setWord(): void {
    this.#words += 1;
    this.#halves[0] = this.#words;
    this.#halves[1] = 1 + Math.floor(this.#random() * 0xffff_ffff);
  }

  #mark(page: number): void {
    this.#dirty[page >> 3] = (this.#dirty[page >> 3] ?? 0) | (1 << (page & 7));
  }
}

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
