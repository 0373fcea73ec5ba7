/** Handing one file to one worker for one question. */
import type { RamRange } from '@shared/contracts/library';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import path from 'node:path';
import type { LibraryService } from '../services';
import { memoryFileOf } from '../snapshots/library/memory-file';
import { exists } from '../snapshots/paths';
import type { FileArgument } from './arguments';
import type { Workplace } from './command';

export interface LentFile {
  readonly lease: Lease;
  /** Where the VM had its RAM, when the file belongs to a snapshot that says so. */
  readonly ramMap: readonly RamRange[];
}

/** Opens a file, or the memory file of a snapshot folder or of the library's snapshot of that name, and asks a worker about it. */
export async function withLease<T>(
  { services, surroundings }: Workplace,
  file: FileArgument,
  ask: (worker: WorkerApi, lent: LentFile) => Promise<T>,
): Promise<T> {
  const given = path.resolve(surroundings.cwd, file.path);
  const named = (await exists(given)) ? null : await snapshotNamed(services.library, file.path);
  const target = named ?? { ...(await memoryFileOf(services.library, given)), streamOffset: null };
  const { lease, release } = await services.files.lendPath(target.path, file.streamOffset ?? target.streamOffset);
  try {
    const worker = await services.workers.take('reading a file');
    try {
      return await ask(worker.api, { lease, ramMap: target.ramMap });
    } finally {
      worker.stop();
    }
  } finally {
    await release();
  }
}

/** The memory file of the library's snapshot of that name; null when there is none. */
async function snapshotNamed(
  library: Pick<LibraryService, 'resolve'>,
  name: string,
): Promise<{
  readonly path: string;
  readonly ramMap: readonly RamRange[];
  readonly streamOffset: number | null;
} | null> {
  const entry = await library.resolve(name).catch(() => null);
  if (entry?.memoryFile == null) return null;
  return { path: entry.memoryFile, ramMap: entry.manifest?.ramMap ?? [], streamOffset: entry.streamOffset };
}
