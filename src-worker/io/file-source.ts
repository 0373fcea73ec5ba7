import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSource, Extent } from '@shared/bytes/source';
import { byteCount, fileOffset, type ByteCount, type FileOffset } from '@shared/bytes/units';
import { extentFrom, type HoleSeeker } from './extent';
import { fileFailure } from './failures';
import { seekData, seekEnd, seekHole } from './libc';

/** A file on disk, open for reading. It may grow or shrink meanwhile: every answer is as of now. */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, name: string) {
    this.#handle = handle;
    this.name = name;
  }

  get fd(): number {
    return this.#handle.fd;
  }

  size(): Promise<ByteCount> {
    return this.#guard('asking for the size', () => Promise.resolve(byteCount(seekEnd(this.fd))));
  }

  /** Bytes allocated on disk; less than the size when there are holes, or when the file system does not tell. */
  async allocatedBytes(): Promise<ByteCount> {
    return byteCount((await this.#guard('asking for the size', () => this.#handle.stat())).blocks * 512);
  }

  async read(offset: FileOffset, length: ByteCount): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const at = offset + done;
      const result = await this.#guard('reading', () => this.#handle.read(bytes, done, length - done, at), at);
      if (result.bytesRead === 0) break;
      done += result.bytesRead;
    }
    return bytes.subarray(0, done);
  }

  /**
   * By lseek(SEEK_DATA, SEEK_HOLE), which costs about a microsecond and never reads. The extent begins at `offset`: what
   * lies before it is not looked at. A file system that cannot tell holes says that all is data.
   */
  extentAt(offset: FileOffset): Promise<Extent | null> {
    const { fd } = this;
    const seeker: HoleSeeker = {
      seekData: (at) => seekData(fd, at),
      seekHole: (at) => seekHole(fd, at),
      size: () => seekEnd(fd),
    };
    return this.#guard('looking for holes', () => Promise.resolve(extentFrom(seeker, offset)), offset);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #guard<T>(doing: string, call: () => Promise<T>, offset?: number): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw fileFailure(error, `${doing} ${this.name}`, {
        path: this.name,
        ...(offset === undefined ? {} : { offset: fileOffset(offset) }),
      });
    }
  }
}

/** Opens a file for reading. `name`: what to call it in messages. Rejects with `file.*`. */
export async function openPath(path: string, name: string = path): Promise<FileSource> {
  try {
    return new FileSource(await open(path, constants.O_RDONLY), name);
  } catch (error) {
    throw fileFailure(error, `opening ${name}`, { path: name });
  }
}
