import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fail, type FailureCode, type StillframeError } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/worker';
import type { FileRegistry } from '../services';

/**
 * Every file that main holds open for somebody. A lease names it as `/proc/PID/fd/N`, so a worker of the same user
 * reopens the very same inode with flags of its own, also when the name is gone; dev and ino let it check that.
 */
export function createFileRegistry(): FileRegistry {
  const held = new Set<FileHandle>();

  const lend: FileRegistry['lend'] = async (handle, name, streamOffset = null) => {
    held.add(handle);
    let released: Promise<void> | null = null;
    const release = (): Promise<void> => {
      held.delete(handle);
      return (released ??= handle.close());
    };
    try {
      return { lease: await leaseOf(handle, name, streamOffset), release };
    } catch (cause) {
      await release();
      throw cause;
    }
  };

  return {
    lend,
    lendPath: async (path, streamOffset = null) => lend(await openToRead(path), path, streamOffset),
    openCount: () => held.size,
  };
}

async function leaseOf(handle: FileHandle, name: string, streamOffset: number | null): Promise<Lease> {
  const { dev, ino } = await handle.stat({ bigint: true });
  return { path: `/proc/${process.pid}/fd/${handle.fd}`, dev: String(dev), ino: String(ino), name, streamOffset };
}

/** O_NONBLOCK, so that a named pipe nobody writes to does not hold the open for ever. */
async function openToRead(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw openFailure(path, cause);
  });
  const stat = await handle.stat();
  if (stat.isFile() || stat.isBlockDevice()) return handle;
  await handle.close();
  const kind = stat.isDirectory() ? 'a folder' : 'not a regular file';
  throw fail('file.not-a-file', 'opening a file', `this is ${kind}`, 'Choose a file or a block device.', {
    where: { path },
  });
}

const reasons: Readonly<Record<string, readonly [FailureCode, string, string]>> = {
  ENOENT: ['file.not-found', 'there is no such file', 'Check the path.'],
  ENOTDIR: ['file.not-found', 'there is no such file', 'Check the path.'],
  EACCES: ['file.no-access', 'you may not read this file', 'Change its permissions or open a copy.'],
  EPERM: ['file.no-access', 'you may not read this file', 'Change its permissions or open a copy.'],
  ENXIO: ['file.not-a-file', 'this is not a regular file', 'Choose a file or a block device.'],
};

/** Why a file could not be opened for reading, as `file.*`. */
export function openFailure(path: string, cause: unknown): StillframeError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const [code, what, todo] = reasons[errno] ?? ['file.io', `it cannot be opened (${errno})`, 'Check the disk.'];
  return fail(code, 'opening a file', what, todo, { where: { path }, cause });
}
