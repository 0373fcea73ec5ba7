import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/worker';
import { fileFailure } from './failures';
import { FileSource } from './file-source';

export { FileSource } from './file-source';

/**
 * Opens the file that main lends, for reading, as an open file description of its own, and makes sure that it is the very
 * inode that was lent. Rejects with `file.changed` when it is another one, with other `file.*` when it cannot be opened.
 */
export async function openLease(lease: Lease): Promise<FileSource> {
  let handle: FileHandle;
  try {
    handle = await open(lease.path, constants.O_RDONLY);
  } catch (error) {
    throw fileFailure(error, `opening ${lease.name}`, { path: lease.name });
  }
  try {
    const { dev, ino } = await handle.stat({ bigint: true });
    if (String(dev) === lease.dev && String(ino) === lease.ino) return new FileSource(handle, lease.name);
  } catch (error) {
    await handle.close();
    throw fileFailure(error, `opening ${lease.name}`, { path: lease.name });
  }
  await handle.close();
  throw fail(
    'file.changed',
    `opening ${lease.name}`,
    'another file is there than the one that was opened',
    'Open it again.',
    { where: { path: lease.name } },
  );
}

/** Opens the lent file, hands it to `use` and closes it whatever happens. */
export async function withLease<T>(lease: Lease, use: (source: FileSource) => Promise<T>): Promise<T> {
  const source = await openLease(lease);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}
