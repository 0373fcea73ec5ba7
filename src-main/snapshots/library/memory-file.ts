/** Which file a path stands for, and what its snapshot knows of it. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '@shared/contracts/failure';
import type { Manifest, RamRange, SnapshotEntry } from '@shared/contracts/library';
import type { LibraryService } from '../../services';

export interface FoundMemory {
  readonly path: string;
  /** Where the guest had its RAM; empty when no snapshot tells. */
  readonly ramMap: readonly RamRange[];
  /** The file with the digests of its pages; null when no snapshot names one. */
  readonly digests: string | null;
  /** null when it is in no snapshot. */
  readonly manifest: Manifest | null;
}

/**
 * The file to read for a path that a person gave: a file is itself, a snapshot folder stands for its memory file. The folder
 * of either, if it is a snapshot, tells the rest. `file.not-a-file` for a folder without a memory file.
 */
export async function memoryFileOf(library: Pick<LibraryService, 'resolve'>, given: string): Promise<FoundMemory> {
  const isFolder = await stat(given).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) {
    const entry = await library.resolve(given);
    if (entry.memoryFile !== null) return { path: entry.memoryFile, ...toldBy(entry) };
    throw fail('file.not-a-file', 'opening the snapshot', 'This is a folder without a memory file', 'Give a file.', {
      where: { path: given },
    });
  }
  const entry = await library.resolve(dirname(given)).catch(() => null);
  const belongs = entry?.memoryFile != null && (await sameFile(entry.memoryFile, given));
  return { path: given, ...toldBy(belongs ? entry : null) };
}

/** What a snapshot knows of its memory file. */
export function toldBy(entry: Pick<SnapshotEntry, 'folder' | 'manifest'> | null): Omit<FoundMemory, 'path'> {
  const digests = entry?.manifest?.digests?.file;
  return {
    ramMap: entry?.manifest?.ramMap ?? [],
    digests: entry === null || digests === undefined ? null : join(entry.folder, digests),
    manifest: entry?.manifest ?? null,
  };
}

async function sameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((file) => realpath(file).catch(() => null)));
  return one !== null && one === other;
}
