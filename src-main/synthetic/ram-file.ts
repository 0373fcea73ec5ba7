/** A file of memory that belongs to no folder: it is gone when the last process that has it open is. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '@shared/contracts/failure';

/** tmpfs on every Linux with glibc, which keeps shared memory there. */
const TMPFS = '/dev/shm';
/** O_TMPFILE of open(2), which Node does not name: the same on all machines that are supported. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Opens one of `bytes` bytes, all zeros and without memory behind it. Rejects with `file.io`. */
export async function makeRamFile(bytes: number): Promise<FileHandle> {
  try {
    const handle = await openUnnamed();
    try {
      await handle.truncate(bytes);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    const what = `${bytes} bytes of shared memory cannot be had`;
    throw fail('file.io', 'making memory for a guest', what, 'Choose less memory.', { where: { path: TMPFS }, cause });
  }
}

async function openUnnamed(): Promise<FileHandle> {
  try {
    return await open(TMPFS, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch {
    // A file system without O_TMPFILE: named for a moment.
    const path = join(TMPFS, `.stillframe-${randomBytes(8).toString('hex')}`);
    const handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    await unlink(path);
    return handle;
  }
}
