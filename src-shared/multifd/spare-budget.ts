/**
 * How many bytes of zeros a save may write into gaps between pages. They spare requests (a gap of 64 KiB costs as much as
 * one) but take room on the disk, and the file's size is to be bounded by its pages.
 */
export class SpareBudget {
  #left: number;

  /** `bytes` of a whole copy; Infinity: as many as make it fast. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** What one batch may use up: a part of what is left, so that others have some, too. */
  reserve(): number {
    if (this.#left === Infinity) return Infinity;
    const share = Math.floor(this.#left / 4);
    this.#left -= share;
    return share;
  }

  /** A batch that might have written `reserved` bytes of zeros wrote `used`. */
  settle(reserved: number, used: number): void {
    if (this.#left !== Infinity) this.#left += reserved - used;
  }
}
