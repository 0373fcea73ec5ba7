import { fail } from '../contracts/failure';
import type { ByteSource } from './source';
import { byteCount, fileOffset, hex, type FileOffset } from './units';

/**
 * Reads forward through a source by way of one window of its bytes. What is inside the window is taken without waiting,
 * which is what makes walking millions of small records quick.
 */
export class ByteCursor {
  readonly source: ByteSource;
  /** Length of the source when the cursor was made. */
  readonly size: number;
  readonly #windowBytes: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowOffset = 0;
  #position: number;
  /** Where the source was found to end, when that is before `size`: it shrank, or nobody could know its size. */
  #seenEnd: number | null = null;

  constructor(source: ByteSource, size: number, position: number, windowBytes = 64 * 1024) {
    this.source = source;
    this.size = size;
    this.#position = position;
    this.#windowBytes = windowBytes;
  }

  get offset(): FileOffset {
    return fileOffset(this.#position);
  }

  get remaining(): number {
    return Math.max(0, this.size - this.#position);
  }

  seek(offset: number): void {
    this.#position = fileOffset(offset);
  }

  /** Moves on; what is skipped is not read. */
  skip(length: number): void {
    this.seek(this.#position + length);
  }

  /** Whether the next `length` bytes can be taken without waiting. */
  has(length: number): boolean {
    const at = this.#position - this.#windowOffset;
    return at >= 0 && at + length <= this.#window.length;
  }

  /**
   * Brings the next `length` bytes in. Rejects with `format.truncated` where the file ends before; `field` names what was
   * to be read. Callers keep `length` bounded: it is allocated.
   */
  async need(length: number, field: string): Promise<void> {
    if (this.has(length)) return;
    if (length > this.remaining) throw this.truncated(length, field);
    const want = Math.min(Math.max(length, this.#windowBytes), this.remaining);
    this.#window = await this.source.read(this.offset, byteCount(want));
    this.#windowOffset = this.#position;
    if (this.#window.length < want) this.#seenEnd = this.#windowOffset + this.#window.length;
    if (this.#window.length < length) throw this.truncated(length, field);
  }

  /** The next `length` bytes, as a view that is good until the next `need`. They must be there (`has`, `need`). */
  take(length: number): Uint8Array {
    const view = this.peek(length);
    this.#position += length;
    return view;
  }

  /** As `take`, staying where it is. */
  peek(length: number): Uint8Array {
    if (!this.has(length)) throw new RangeError(`${length} bytes at ${hex(this.#position)} are not in the window`);
    const at = this.#position - this.#windowOffset;
    return this.#window.subarray(at, at + length);
  }

  /** Whatever is in the window from here on; empty when nothing is. */
  rest(): Uint8Array {
    const at = this.#position - this.#windowOffset;
    return at < 0 || at > this.#window.length ? new Uint8Array(0) : this.#window.subarray(at);
  }

  /** `format.truncated`: the file ends inside `field`, of which `length` bytes are due where the cursor stands. */
  truncated(length: number, field: string): Error {
    return fail(
      'format.truncated',
      'reading the stream',
      `the file ends at ${hex(this.#seenEnd ?? this.size)}, inside ${field} (${length} bytes are due here)`,
      'The file is not whole: what stands before this place can still be read.',
      { where: { path: this.source.name, offset: this.offset, field } },
    );
  }
}
