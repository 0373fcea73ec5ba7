/** Handing one file to workers for one question. */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { RamRange } from '@shared/contracts/library';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
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

/** Most workers that one command has at work: more only wait for the disk. */
const MOST_WORKERS = 4;

/** How many workers have work at the same time here. */
export const workersHere = (): number => Math.min(MOST_WORKERS, availableParallelism());

/** Opens a file, or the memory file of a snapshot folder or of the library's snapshot of that name, and asks a worker about it. */
export function withLease<T>(
  workplace: Workplace,
  file: FileArgument,
  ask: (worker: WorkerApi, lent: LentFile) => Promise<T>,
): Promise<T> {
  return withFile(workplace, file, (lent) =>
    withWorkers(workplace, 1, ([worker]) => {
      if (worker === undefined) throw new Error('no worker was taken');
      return ask(worker, lent);
    }),
  );
}

/** Opens a file as `withLease` does and lends it for as long as `use` takes. */
export async function withFile<T>(
  { services, surroundings }: Workplace,
  file: FileArgument,
  use: (lent: LentFile) => Promise<T>,
): Promise<T> {
  const given = path.resolve(surroundings.cwd, file.path);
  const named = (await exists(given)) ? null : await snapshotNamed(services.library, file.path);
  const target = named ?? { ...(await memoryFileOf(services.library, given)), streamOffset: null };
  const { lease, release } = await services.files.lendPath(target.path, file.streamOffset ?? target.streamOffset);
  try {
    return await use({ lease, ramMap: target.ramMap });
  } finally {
    await release();
  }
}

/** Takes workers and ends them when `use` is done. */
export async function withWorkers<T>(
  { services }: Workplace,
  count: number,
  use: (workers: readonly WorkerApi[]) => Promise<T>,
): Promise<T> {
  const taking = Array.from({ length: count }, () => services.workers.take('reading a file'));
  try {
    const workers = await Promise.all(taking);
    return await use(workers.map(({ api }) => api));
  } finally {
    for (const one of await Promise.allSettled(taking)) if (one.status === 'fulfilled') one.value.stop();
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
