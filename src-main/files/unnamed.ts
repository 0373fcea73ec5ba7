/** Files without a name: nothing is left of them when their last holder ends. */
import { constants } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/** O_TMPFILE of open(2), which Node does not name: the same on every machine that is supported. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** What a file system (NFS, some FUSE ones) or an old kernel says that has no O_TMPFILE. */
const HAS_NONE = new Set(['EOPNOTSUPP', 'EISDIR', 'ENOENT', 'EINVAL']);

/** An empty file on the file system of `folder`, open to read and write, that only this user may open. */
export async function openUnnamed(folder: string): Promise<FileHandle> {
  try {
    return await open(folder, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch (error) {
    if (!HAS_NONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const path = join(folder, `.stillframe-${randomUUID()}`);
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  await unlink(path);
  return handle;
}
