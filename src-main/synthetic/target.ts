/** The file of a synthetic guest while it is written: beside its place, lent to the workers. */
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { openAside, refuseTaken, type Aside } from '../files/aside';
import type { FileRegistry } from '../services';

const DOING = 'writing the file';

export class TargetFile {
  private constructor(
    private readonly path: string,
    private readonly aside: Aside,
    readonly lease: Lease,
    private readonly release: () => Promise<void>,
  ) {}

  /** Makes an empty file beside `path`. Rejects with `file.exists` when something is at `path`, with other `file.*`. */
  static async make(files: FileRegistry, path: string): Promise<TargetFile> {
    await refuseTaken(path);
    const aside = await openAside(path);
    try {
      const { lease, release } = await files.lend(aside.handle, path);
      return new TargetFile(path, aside, lease, release);
    } catch (error) {
      await aside.discard();
      throw error;
    }
  }

  /** Writes all bytes at an offset. Rejects with `file.*`. */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#guard(async () => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.aside.handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    });
  }

  resize(bytes: number): Promise<void> {
    return this.#guard(() => this.aside.handle.truncate(bytes));
  }

  /** Its length, and the bytes that it takes on the disk. */
  async size(): Promise<{ readonly fileBytes: number; readonly allocatedBytes: number }> {
    const { size, blocks } = await this.#guard(() => this.aside.handle.stat());
    return { fileBytes: size, allocatedBytes: blocks * 512 };
  }

  /** Gives it its name, never over something that came there meanwhile (`file.exists`). The folder is not flushed. */
  publish(): Promise<void> {
    return this.aside.publish();
  }

  /** Closes it, and removes it unless it was published. */
  async close(): Promise<void> {
    await this.aside.discard();
    await this.release();
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      const errno = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      const more = { where: { path: this.path }, cause };
      throw errno === 'ENOSPC' || errno === 'EDQUOT'
        ? fail('file.no-space', DOING, 'the disk is full', 'Make room, or choose another folder.', more)
        : fail('file.io', DOING, 'it cannot be written', 'Look at the disk, or choose another folder.', more);
    }
  }
}
