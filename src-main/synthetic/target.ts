/** A file that is written aside and gets its name when it is whole. What is there already is never replaced. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { FileRegistry } from '../services';

const DOING = 'writing the file';

export class AsideFile {
  /** The name it has now; null: none any more. */
  #name: string | null;

  private constructor(
    private readonly path: string,
    aside: string,
    private readonly handle: FileHandle,
    readonly lease: Lease,
    private readonly release: () => Promise<void>,
  ) {
    this.#name = aside;
  }

  /** Makes an empty file beside `path`. Rejects with `file.exists` when something is at `path`, with other `file.*`. */
  static async make(files: FileRegistry, path: string): Promise<AsideFile> {
    if (await isThere(path)) throw exists(path);
    const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
    const handle = await open(aside, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600).catch(
      (cause: unknown) => {
        throw fileProblem(path, cause);
      },
    );
    try {
      const { lease, release } = await files.lend(handle, path);
      return new AsideFile(path, aside, handle, lease, release);
    } catch (error) {
      await unlink(aside);
      throw error;
    }
  }

  /** Writes all bytes at an offset. Rejects with `file.*`. */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#guard(async () => {
      for (let done = 0; done < bytes.length;) {
        done += (await this.handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
    });
  }

  resize(bytes: number): Promise<void> {
    return this.#guard(() => this.handle.truncate(bytes));
  }

  /** Its length, and the bytes that it takes on the disk. */
  async size(): Promise<{ readonly fileBytes: number; readonly allocatedBytes: number }> {
    const { size, blocks } = await this.#guard(() => this.handle.stat());
    return { fileBytes: size, allocatedBytes: blocks * 512 };
  }

  /** Gives it its name, never over something that came there meanwhile (`file.exists`). The folder is not flushed. */
  async publish(): Promise<void> {
    const aside = this.#name;
    if (aside === null) return;
    await this.#guard(() => moveToFreeName(aside, this.path));
    this.#name = this.path;
  }

  /** Closes it, and leaves it where it is. */
  async keep(): Promise<void> {
    this.#name = null;
    await this.release();
  }

  /** Removes it, whatever name it has, and closes it. Does nothing after `keep`. */
  async discard(): Promise<void> {
    const name = this.#name;
    this.#name = null;
    if (name !== null && (await this.#isOurs(name))) await unlink(name).catch(() => undefined);
    await this.release();
  }

  async #isOurs(name: string): Promise<boolean> {
    const there = await lstat(name, { bigint: true }).catch(() => null);
    return String(there?.dev) === this.lease.dev && String(there?.ino) === this.lease.ino;
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      throw fileProblem(this.path, cause);
    }
  }
}

/** link(2) refuses a name that is taken, where rename(2) would replace what has it. */
async function moveToFreeName(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has(errnoOf(error))) throw error;
    // The name is claimed by an empty file of our own, which may be replaced.
    await (await open(to, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)).close();
    await rename(from, to);
    return;
  }
  await unlink(from);
}

/** What file systems without hard links (FAT, some FUSE) say. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK']);

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fileProblem(path, error);
  }
}

const errnoOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

const exists = (path: string): StillframeError =>
  fail('file.exists', DOING, 'something of this name is there already', 'Choose another name.', { where: { path } });

function fileProblem(path: string, cause: unknown): StillframeError {
  const more = { where: { path }, cause };
  switch (errnoOf(cause)) {
    case 'EEXIST':
      return exists(path);
    case 'ENOSPC':
    case 'EDQUOT':
      return fail('file.no-space', DOING, 'the disk is full', 'Make room, or choose another folder.', more);
    case 'ENOENT':
    case 'ENOTDIR':
      return fail('file.not-found', DOING, 'there is no such folder', 'Choose another folder.', more);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return fail('file.no-access', DOING, 'it cannot be written there', 'Choose another folder.', more);
    default:
      return fail('file.io', DOING, 'it cannot be written', 'Look at the disk, or choose another folder.', more);
  }
}
