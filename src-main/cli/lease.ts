/** Handing one file to one worker for one question. */
import type { RamRange } from '@shared/contracts/library';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import path from 'node:path';
import { memoryFileOf } from '../snapshots/library/memory-file';
import type { FileArgument } from './arguments';
import type { Workplace } from './command';

export interface LentFile {
  readonly lease: Lease;
  /** Where the VM had its RAM, when the file belongs to a snapshot that says so. */
  readonly ramMap: readonly RamRange[];
}

/** Opens a file, or the memory file of a snapshot folder, and asks a worker about it. */
export async function withLease<T>(
  { services, surroundings }: Workplace,
  file: FileArgument,
  ask: (worker: WorkerApi, lent: LentFile) => Promise<T>,
): Promise<T> {
  const given = path.resolve(surroundings.cwd, file.path);
  const target = await memoryFileOf(services.library, given);
  const { lease, release } = await services.files.lendPath(target.path, file.streamOffset);
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
