/** Which file a path stands for, and what its snapshot knows of it. */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '@shared/contracts/failure';
import type { RamRange } from '@shared/contracts/library';
import type { LibraryService } from '../../services';

/**
 * The file to read for a path that a person gave: a file is itself, a snapshot folder stands for its memory file. The folder
 * of either, if it is a snapshot, tells where the guest had its RAM; otherwise `ramMap` is empty. `file.not-a-file` for a folder
 * without a memory file.
 */
export async function memoryFileOf(
  library: Pick<LibraryService, 'resolve'>,
  given: string,
): Promise<{ readonly path: string; readonly ramMap: readonly RamRange[] }> {
  const isFolder = await stat(given).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) {
    const { memoryFile, manifest } = await library.resolve(given);
    if (memoryFile !== null) return { path: memoryFile, ramMap: manifest?.ramMap ?? [] };
    throw fail('file.not-a-file', 'opening the snapshot', 'This is a folder without a memory file', 'Give a file.', {
      where: { path: given },
    });
  }
  const entry = await library.resolve(dirname(given)).catch(() => null);
  const belongs = entry?.memoryFile != null && (await sameFile(entry.memoryFile, given));
  return { path: given, ramMap: belongs ? (entry.manifest?.ramMap ?? []) : [] };
}

async function sameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((file) => realpath(file).catch(() => null)));
  return one !== null && one === other;
}
