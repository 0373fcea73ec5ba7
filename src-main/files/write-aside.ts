import { open, rename, unlink } from 'node:fs/promises';

let sequence = 0;

/**
 * Replaces a small file so that at every instant, also after a power cut, either the old or the new content is there:
 * writes beside it, flushes, renames. The file is readable by its owner only.
 */
export async function writeAside(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}-${(sequence += 1)}.tmp`;
  const handle = await open(aside, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    await rename(aside, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(aside).catch(() => undefined);
    throw error;
  }
}
