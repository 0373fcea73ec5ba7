/**
 * The channel that mapped-ram runs on: read and written by position alone. There is no file position, so any number of
 * channels on one file cannot meet, and every call can be repeated.
 *
 * Calls on the data path are synchronous: promises cost 1.5–3 times the CPU, and a worker does nothing else meanwhile.
 */
import { byteCount, fileOffset, type ByteCount, type FileOffset } from '@shared/bytes/units';
import type { Extent } from '@shared/bytes/source';
import { fail, type Place, type StillframeError } from '@shared/contracts/failure';
import { extentFrom } from './extent';
import { fileFailure } from './failures';
import { nap } from './libc';

/**
 * What a channel stands on: single calls of the operating system. They may transfer less than they were asked for, and throw
 * as node:fs does, with the errno's name in `code`.
 */
export interface PositionalIo {
  /** What to call it in messages. */
  readonly name: string;
  /** Why it cannot be read and written by position, as in "it is a pipe"; null when it can. */
  readonly notSeekable: string | null;
  /** Whether it goes past the page cache where offset, length and memory allow it. */
  readonly direct: boolean;
  /** Whether long writes go faster into space that was allocated before. */
  readonly prefersAllocated: boolean;
  /** Bytes read into the views, in their order; 0 at the end of the file. */
  readv(views: readonly Uint8Array[], offset: number): number;
  /** Bytes written from the views, in their order; through the page cache when `cached`, even if it is `direct`. */
  writev(views: readonly Uint8Array[], offset: number, cached: boolean): number;
  size(): number;
  resize(size: number): void;
  /** Where data begins at or behind `offset`; null when none does before the end. */
  seekData(offset: number): number | null;
  /** Where a hole begins at or behind `offset`, there being one at the end; null at or past the end. */
  seekHole(offset: number): number | null;
  /** Gives a stretch space on the disk; false where that cannot be done. */
  allocate(offset: number, length: number): boolean;
  /** Makes a hole of a stretch; false where that cannot be done. */
  punch(offset: number, length: number): boolean;
  /** Starts writing a stretch back to the disk, without waiting for it. */
  startWriteBack(offset: number, length: number): void;
  /** fdatasync, on another thread. */
  flush(): Promise<void>;
  close(): void;
}

/** A transfer that is interrupted goes on at once; one that would have to wait is tried again this often, 1 ms apart. */
const MOST_NAPS = 1000;
/** Zeros written where no hole can be made, at a time. */
const ZEROS = new Uint8Array(256 * 1024);

/** One end of a transfer of pages. Made by `openSeekable`; closing never flushes. */
export class SeekableChannel {
  readonly #io: PositionalIo;

  /** Takes over `io`, which can be read and written by position. */
  constructor(io: PositionalIo) {
    this.#io = io;
  }

  /** What to call it in messages. */
  get name(): string {
    return this.#io.name;
  }

  /** Whether it goes past the page cache where offset, length and memory allow it. */
  get direct(): boolean {
    return this.#io.direct;
  }

  /**
   * Whether channels that write at the same time go faster into space that was allocated before: ext4 takes direct writes
   * into holes one after another, and writes into allocated space side by side.
   */
  get prefersAllocated(): boolean {
    return this.#io.prefersAllocated;
  }

  /** Length in bytes, as of now. */
  get size(): ByteCount {
    return this.#try('asking for the size of', undefined, () => byteCount(this.#io.size()));
  }

  /**
   * Fills the views, in their order, with what stands at `offset`. Short transfers are completed, interruptions retried.
   *
   * @throws StillframeError `file.*` with the offset that failed; `file.io` where the file ends before the views are full
   */
  readv(views: readonly Uint8Array[], offset: FileOffset): void {
    this.#transfer('reading', views, offset, (rest, at) => this.#io.readv(rest, at));
  }

  /** Writes the views, in their order, at `offset`. As `readv` otherwise; `file.no-space` when the disk is full. */
  writev(views: readonly Uint8Array[], offset: FileOffset): void {
    this.#transfer('writing', views, offset, (rest, at) => this.#io.writev(rest, at, false));
  }

  /** The same through the page cache, from where the kernel writes many short stretches together. */
  writevCached(views: readonly Uint8Array[], offset: FileOffset): void {
    this.#transfer('writing', views, offset, (rest, at) => this.#io.writev(rest, at, true));
  }

  /** Makes it longer, with a hole, or shorter. */
  resize(size: ByteCount): void {
    this.#try('changing the length of', undefined, () => this.#io.resize(size));
  }

  /**
   * The stretch from `offset` on that is all data, or all hole, to its end; null at or past the end. A file system that
   * cannot tell says that all is data; allocated space that was never written counts as a hole.
   */
  extentAt(offset: FileOffset): Extent | null {
    return this.#try('looking for holes in', offset, () => extentFrom(this.#io, offset));
  }

  /** Gives a stretch space on the disk, and the file the length to hold it. False where the file system cannot. */
  allocate(offset: FileOffset, length: ByteCount): boolean {
    return length === 0 || this.#try('making room in', offset, () => this.#io.allocate(offset, length));
  }

  /** Makes a hole of the stretch, as far as the file goes; writes zeros over it where the file system has no holes. */
  punch(offset: FileOffset, length: ByteCount): void {
    if (length === 0 || this.#try('making a hole in', offset, () => this.#io.punch(offset, length))) return;
    this.zero(offset, byteCount(Math.max(0, Math.min(length, this.size - offset))));
  }

  /** Writes zeros over the stretch, through the page cache. */
  zero(offset: FileOffset, length: ByteCount): void {
    for (let done = 0; done < length; done += ZEROS.length) {
      this.writevCached([ZEROS.subarray(0, Math.min(ZEROS.length, length - done))], fileOffset(offset + done));
    }
  }

  /** Starts writing a stretch back to the disk. What fails there is told by the `flush` that follows. */
  startWriteBack(offset: FileOffset, length: ByteCount): void {
    this.#io.startWriteBack(offset, length);
  }

  /** fdatasync: when it resolves, what was written is on stable storage. The worker answers meanwhile. */
  async flush(): Promise<void> {
    try {
      await this.#io.flush();
    } catch (error) {
      throw this.#failure(error, 'flushing');
    }
  }

  /** Lets go of it. Does not flush. */
  close(): void {
    this.#io.close();
  }

  #transfer(
    doing: 'reading' | 'writing',
    views: readonly Uint8Array[],
    offset: FileOffset,
    once: (views: readonly Uint8Array[], offset: number) => number,
  ): void {
    let rest = views.filter(({ length }) => length > 0);
    let at: number = offset;
    let naps = 0;
    while (rest.length > 0) {
      const done = this.#try(doing, at, () => {
        try {
          return once(rest, at);
        } catch (error) {
          const code = codeOf(error);
          if (code === 'EINTR') return null;
          if (code !== 'EAGAIN' || (naps += 1) > MOST_NAPS) throw error;
          nap(1);
          return null;
        }
      });
      if (done === null) continue;
      if (done === 0) throw this.#ended(doing, at, rest);
      at += done;
      rest = withoutFirst(rest, done);
    }
  }

  #ended(doing: 'reading' | 'writing', at: number, rest: readonly Uint8Array[]): StillframeError {
    const missing = rest.reduce((sum, { length }) => sum + length, 0);
    const what =
      doing === 'reading'
        ? `the file ends here, ${missing} bytes early`
        : `the file takes no more, ${missing} bytes early`;
    const where = { path: this.name, offset: fileOffset(at) };
    return fail('file.io', `${doing} ${this.name}`, what, 'Check whether something else writes to it.', { where });
  }

  #try<T>(doing: string, offset: number | undefined, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#failure(error, doing, offset);
    }
  }

  #failure(error: unknown, doing: string, offset?: number): StillframeError {
    const place: Place = offset === undefined ? {} : { offset: fileOffset(offset) };
    return fileFailure(error, `${doing} ${this.name}`, { path: this.name, ...place });
  }
}

/**
 * A channel over `io`, which is asked first whether it can be read and written by position. Refused, it is closed.
 *
 * @throws StillframeError `channel.not-seekable`
 */
export function openSeekable(io: PositionalIo): SeekableChannel {
  if (io.notSeekable === null) return new SeekableChannel(io);
  io.close();
  throw notSeekable(io.name, io.notSeekable);
}

/** Says that mapped-ram cannot run over `name`, and why: "it is a pipe". Code `channel.not-seekable`. */
export function notSeekable(name: string, why: string): StillframeError {
  return fail(
    'channel.not-seekable',
    `opening ${name}`,
    `${why}, and mapped-ram writes and reads pages by their place in a file`,
    'Use a file on a disk, or the stream format, which any transport can carry.',
    { where: { path: name } },
  );
}

/** The errno's name of an error of node:fs; empty when it has none. */
export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

function withoutFirst(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const view of views) {
    if (skip < view.length) rest.push(skip === 0 ? view : view.subarray(skip));
    skip = Math.max(0, skip - view.length);
  }
  return rest;
}
