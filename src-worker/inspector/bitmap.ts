/** A block's bitmap as the inspector needs it: runs of pages of one state, found in a file of any size with bounded memory. */
import type { ByteSource } from '@shared/bytes/source';
import { byteCount, fileOffset } from '@shared/bytes/units';

/** Bytes of a bitmap that are read at once, and how many such windows are kept. */
const WINDOW_BYTES = 64 * 1024;
const WINDOWS_KEPT = 64;
const WORD_BYTES = 8;
/**
 * No run crosses a multiple of this many pages (256 GiB of 4 KiB pages), so that a huge bitmap in a hole cannot make one
 * search endless. A multiple of a window's pages.
 */
export const RUN_LIMIT = 2 ** 26;

/** Consecutive pages with the same bit; `to` is one past the last. */
export interface BitRun {
  readonly present: boolean;
  readonly from: number;
  readonly to: number;
}

export interface BitmapPlace {
  readonly offset: number;
  readonly pages: number;
  /** Order of the bytes inside each 64-bit word: the saving host's. */
  readonly order: 'little' | 'big';
}

const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let bits = byte; bits > 0; bits = Math.floor(bits / 2)) count += bits % 2;
  return count;
});

/** The bitmap of one block. What lies past the end of the file counts as not present. */
export class BitmapReader {
  readonly #windows = new Map<number, Promise<Uint8Array>>();

  constructor(
    readonly source: ByteSource,
    readonly place: BitmapPlace,
  ) {}

  async bit(page: number): Promise<boolean> {
    const { bytes, at } = await this.#byteOf(page);
    return isSet(bytes[at] ?? 0, page);
  }

  /** The run of equal bits around `page`. */
  async runAround(page: number): Promise<BitRun> {
    const present = await this.bit(page);
    const least = page - (page % RUN_LIMIT);
    const most = Math.min(this.place.pages, least + RUN_LIMIT);
    const before = await this.#seek(page - 1, -1, !present, least, most);
    const after = await this.#seek(page + 1, 1, !present, least, most);
    return { present, from: before === null ? least : before + 1, to: after ?? most };
  }

  /** The nearest present page from `page` on, in the given direction; null when there is none. */
  async present(page: number, direction: 1 | -1): Promise<number | null> {
    return this.#seek(page, direction, true, 0, this.place.pages);
  }

  /** How many of the pages `from` … `to − 1` are present. */
  async count(from: number, to: number): Promise<number> {
    let found = 0;
    for (let page = from; page < to;) {
      const { bytes, at } = await this.#byteOf(page);
      for (let index = at; index < bytes.length && page < to; index += 1) {
        const byte = bytes[index] ?? 0;
        if (page % 8 === 0 && to - page >= 8) {
          found += ones[byte] ?? 0;
          page += 8;
        } else {
          for (const stop = Math.min(to, page - (page % 8) + 8); page < stop; page += 1)
            found += Number(isSet(byte, page));
        }
      }
    }
    return found;
  }

  /** The first page from `page` on whose bit is `wanted`, within [least, most). Bytes without it are skipped whole. */
  async #seek(page: number, direction: 1 | -1, wanted: boolean, least: number, most: number): Promise<number | null> {
    const dull = wanted ? 0x00 : 0xff;
    for (let here = page; here >= least && here < most;) {
      const { bytes, at } = await this.#byteOf(here);
      for (let index = at; index >= 0 && index < bytes.length; index += direction) {
        const byte = bytes[index] ?? 0;
        const first = here - (here % 8);
        if (byte !== dull) {
          for (let bit = here; bit >= first && bit < first + 8 && bit >= least && bit < most; bit += direction) {
            if (isSet(byte, bit) === wanted) return bit;
          }
        }
        here = direction === 1 ? first + 8 : first - 1;
        if (here < least || here >= most) return null;
      }
    }
    return null;
  }

  async #byteOf(page: number): Promise<{ bytes: Uint8Array; at: number }> {
    const byte = Math.floor(page / 8);
    const window = Math.floor(byte / WINDOW_BYTES);
    return { bytes: await this.#window(window), at: byte % WINDOW_BYTES };
  }

  #window(index: number): Promise<Uint8Array> {
    const known = this.#windows.get(index);
    this.#windows.delete(index);
    const window = known ?? this.#load(index);
    this.#windows.set(index, window);
    const oldest = this.#windows.keys().next().value;
    if (this.#windows.size > WINDOWS_KEPT && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }

  /** A window with bit n of the bitmap as bit n % 8 of byte n / 8, whatever the order in the file. */
  async #load(index: number): Promise<Uint8Array> {
    const total = Math.ceil(this.place.pages / 64) * WORD_BYTES;
    const length = Math.min(WINDOW_BYTES, total - index * WINDOW_BYTES);
    const bytes = new Uint8Array(length);
    bytes.set(await this.source.read(fileOffset(this.place.offset + index * WINDOW_BYTES), byteCount(length)));
    if (this.place.order === 'big') {
      for (let word = 0; word < length; word += WORD_BYTES) bytes.subarray(word, word + WORD_BYTES).reverse();
    }
    return bytes;
  }
}

/** `page % 8` is at most 7, so shifting is safe. */
const isSet = (byte: number, page: number): boolean => ((byte >> (page % 8)) & 1) === 1;
