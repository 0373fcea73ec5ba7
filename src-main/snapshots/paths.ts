/** Questions about paths and file systems. */
import { lstat, statfs } from 'node:fs/promises';

/** Whether something has this name, be it a broken link. */
export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * Free bytes for this user where `path` is. A file system that has no size (ramfs, some FUSE ones: statfs tells of 0 blocks)
 * does not limit anybody: then it is 2^53 − 1.
 */
export async function freeBytes(path: string): Promise<number> {
  const { blocks, bavail, bsize } = await statfs(path);
  return blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize;
}
