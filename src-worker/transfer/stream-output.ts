import { closeSync, fstatSync, writeSync } from 'node:fs';
import { fail } from '@shared/contracts/failure';
import { fileOffset } from '@shared/bytes/units';
import { fileFailure } from '../io/failures';
import { waitToWrite, widenPipe } from '../io/poll';
import type { OpenEnd } from './open';
import type { Turn } from './turn';

const BUFFER_BYTES = 4 * 1024 * 1024;
/** How long one wait for a pipe blocks the thread. */
const WAIT_MS = 20;

/** A stream written forward, once, through one buffer, into a file or a pipe. */
export class StreamOutput {
  /** What is put into it from `used` on goes out next. */
  readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly name: string;
  readonly #fd: number;
  readonly #isPipe: boolean;
  #used = 0;
  #bytesWritten = 0;

  constructor({ fd, name, kind }: OpenEnd) {
    this.name = name;
    this.#fd = fd;
    this.#isPipe = kind === 'pipe';
    if (this.#isPipe) widenPipe(fd);
  }

  /** Bytes that went out. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Bytes in the buffer. */
  get used(): number {
    return this.#used;
  }

  /** Bytes that still fit into the buffer. */
  get room(): number {
    return BUFFER_BYTES - this.#used;
  }

  /** Says that so many bytes were put into the buffer. */
  add(length: number): void {
    if (length > this.room) throw new RangeError(`${length} bytes do not fit into the buffer`);
    this.#used += length;
  }

  /** Puts bytes into the buffer and lets out what is in the way. */
  async put(bytes: Uint8Array, turn: Turn): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.room === 0) await this.flush(turn);
      const part = bytes.subarray(at, at + this.room);
      this.buffer.set(part, this.#used);
      this.add(part.length);
      at += part.length;
    }
  }

  /**
   * Writes out what is in the buffer. A full pipe is waited for in short slices; one whose reader is gone, and a full disk, reject
   * with `file.*`.
   */
  async flush(turn: Turn): Promise<void> {
    for (let at = 0; at < this.#used;) {
      if (turn.due) await turn.pass();
      const count = this.#write(at);
      at += count;
      this.#bytesWritten += count;
      if (count === 0) waitToWrite(this.#fd, WAIT_MS);
    }
    this.#used = 0;
  }

  /** Bytes in the file that is written to; 0 for a pipe. */
  existingBytes(): number {
    return this.#isPipe ? 0 : fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(at: number): number {
    try {
      return writeSync(this.#fd, this.buffer, at, this.#used - at, this.#isPipe ? null : this.#bytesWritten);
    } catch (error) {
      const errno = error instanceof Error && 'code' in error ? error.code : '';
      if (errno === 'EAGAIN' || errno === 'EINTR') return 0;
      const doing = `writing ${this.name}`;
      const where = { path: this.name, offset: fileOffset(this.#bytesWritten) };
      if (errno === 'EPIPE') {
        const what = 'whoever read the pipe has let go of it';
        throw fail('file.io', doing, what, 'See what became of the program that read it.', { where, cause: error });
      }
      throw fileFailure(error, doing, where);
    }
  }
}
