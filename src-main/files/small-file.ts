/** Reading a small file that anybody may have put there. */
import { constants, open } from 'node:fs/promises';

/**
 * The text of a regular file of at most `maxBytes`; null when it is larger or not a regular file. Never waits for the
 * other end of a named pipe. Rejects with Node's own errors, e.g. ENOENT.
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<string | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = await handle.stat();
    if (!info.isFile() || info.size > maxBytes) return null;
    const bytes = Buffer.alloc(info.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length).toString('utf8');
  } finally {
    await handle.close();
  }
}
