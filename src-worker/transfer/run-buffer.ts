import type { TargetFile } from './target-file';

/** Pages that follow one another are written in one go, up to this many bytes. */
const RUN_BYTES = 4 * 1024 * 1024;

/** Collects what is put at consecutive places of a file and writes it in one go. */
export class RunBuffer {
  readonly #target: TargetFile;
  readonly #bytes = Buffer.allocUnsafeSlow(RUN_BYTES);
  #position = 0;
  #length = 0;

  constructor(target: TargetFile) {
    this.#target = target;
  }

  /** Puts `length` bytes of `buffer` at `position` of the file; what was put there before is replaced. */
  put(buffer: Buffer, at: number, length: number, position: number): void {
    if (position !== this.#position + this.#length || this.#length + length > RUN_BYTES) {
      this.flush();
      this.#position = position;
    }
    if (length > RUN_BYTES / 2) {
      this.flush();
      this.#target.write(buffer.subarray(at, at + length), position);
      this.#position = position + length;
      return;
    }
    buffer.copy(this.#bytes, this.#length, at, at + length);
    this.#length += length;
  }

  /** Writes what is collected. */
  flush(): void {
    if (this.#length === 0) return;
    this.#target.write(this.#bytes.subarray(0, this.#length), this.#position);
    this.#position += this.#length;
    this.#length = 0;
  }
}
