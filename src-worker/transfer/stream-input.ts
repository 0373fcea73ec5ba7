import { readSync } from 'node:fs';
import type { ByteSource } from '@shared/bytes/source';
import { byteCount, fileOffset, type FileOffset } from '@shared/bytes/units';
import { fileFailure } from '../io/failures';
import { seekEnd } from '../io/libc';
import { waitToRead, widenPipe } from '../io/poll';
import type { OpenEnd } from './open';
import type { Turn } from './turn';

/** Large enough that reading is bound by the disk. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** How long one wait for a pipe blocks the thread. */
const WAIT_MS = 20;
/** A pipe whose length nobody knows yet. */
const UNKNOWN = Number.MAX_SAFE_INTEGER;

/**
 * A stream read forward, once, through one buffer, from a file or from a pipe. Offsets count from the start of the file, or
 * from the first byte that came out of the pipe.
 */
export class StreamInput {
  readonly name: string;
  /** What stands in it from `at` to `end` is the next part of the stream. Only good until the next `ensure`. */
  readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #fd: number;
  readonly #isPipe: boolean;
  readonly #turn: Turn;
  #at = 0;
  #end = 0;
  /** Offset of the buffer's first byte. */
  #base: number;
  #ended = false;
  /** Bytes of a file when it was opened. */
  readonly #size: number | null;

  /** `start`: where in a file the stream begins. */
  constructor({ fd, name, kind }: OpenEnd, turn: Turn, start = 0) {
    this.name = name;
    this.#fd = fd;
    this.#isPipe = kind === 'pipe';
    this.#turn = turn;
    this.#base = start;
    if (this.#isPipe) widenPipe(fd);
    this.#size = this.#isPipe ? null : seekEnd(fd);
  }

  get turn(): Turn {
    return this.#turn;
  }

  /** Where in `buffer` the next byte is. */
  get at(): number {
    return this.#at;
  }

  /** Behind the last byte in `buffer`. */
  get end(): number {
    return this.#end;
  }

  /** Offset of the next byte. */
  get offset(): FileOffset {
    return fileOffset(this.#base + this.#at);
  }

  /** Whether nothing is to come behind what is in the buffer. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How much of a file has been taken, 0 … 1; null for a pipe. */
  get fraction(): number | null {
    return this.#size === null ? null : this.#size === 0 ? 1 : Math.min(1, this.offset / this.#size);
  }

  /** Moves on by bytes that are in the buffer. */
  take(length: number): void {
    if (this.#at + length > this.#end) throw new RangeError(`${length} bytes are not in the buffer`);
    this.#at += length;
  }

  /** Sets the place of the next byte in `buffer`. */
  takeTo(at: number): void {
    this.take(at - this.#at);
  }

  /**
   * Brings `length` bytes into the buffer, at most half of it. False: the stream ends before; what is left of it is in the
   * buffer then. Waits for a pipe in short slices; a file is read ahead.
   */
  async ensure(length: number): Promise<boolean> {
    while (this.#end - this.#at < length && !this.#ended) {
      if (this.#turn.due) await this.#turn.pass();
      this.#makeRoom();
      if (!this.#read() && !this.#ended) waitToRead(this.#fd, WAIT_MS);
    }
    return this.#end - this.#at >= length;
  }

  /** The part of the stream from here on as a source, for parsers that stay within half the buffer. */
  asSource(): { readonly source: ByteSource; readonly size: number } {
    const source: ByteSource = {
      name: this.name,
      size: () => Promise.resolve(byteCount(this.#knownEnd())),
      read: async (offset, length) => {
        const ahead = offset - this.offset;
        if (ahead < 0) throw new RangeError('the stream has gone on');
        await this.ensure(ahead + length);
        const at = this.#at + ahead;
        return this.buffer.subarray(Math.min(at, this.#end), Math.min(at + length, this.#end));
      },
      extentAt: (offset) =>
        Promise.resolve(
          offset < this.#knownEnd() ? { kind: 'data', offset, length: byteCount(this.#knownEnd() - offset) } : null,
        ),
      close: () => Promise.resolve(),
    };
    return { source, size: this.#knownEnd() };
  }

  #knownEnd(): number {
    return this.#ended ? this.#base + this.#end : Math.max(this.#size ?? UNKNOWN, this.#base + this.#end);
  }

  #makeRoom(): void {
    if (this.#at === 0) return;
    this.buffer.copyWithin(0, this.#at, this.#end);
    this.#base += this.#at;
    this.#end -= this.#at;
    this.#at = 0;
  }

  /** Reads what fits. False: nothing is there right now, or ever again. */
  #read(): boolean {
    try {
      const room = this.buffer.length - this.#end;
      const count = readSync(this.#fd, this.buffer, this.#end, room, this.#isPipe ? null : this.#base + this.#end);
      this.#end += count;
      this.#ended = count === 0;
      return count > 0;
    } catch (error) {
      const errno = error instanceof Error && 'code' in error ? error.code : '';
      if (errno === 'EAGAIN' || errno === 'EINTR') return false;
      const where = { path: this.name, offset: fileOffset(this.#base + this.#end) };
      throw fileFailure(error, `reading ${this.name}`, where);
    }
  }
}
