/** Small files of our own, and flushing folders. What replaces a file goes through files/write-aside. */
import { open } from 'node:fs/promises';

/** Writes a file that must not exist yet, flushed unless `flush` is false. */
export async function writeNew(path: string, content: string | Uint8Array, flush: boolean): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** fsync of a file or folder that exists: for a folder, the names in it are on stable storage then. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
