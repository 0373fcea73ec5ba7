/** Handing one file to one worker for one question. */
import type { RamRange } from '@shared/contracts/library';
import { fail } from '@shared/contracts/failure';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryService } from '../services';
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

/** A file is itself. Its folder, if it is a snapshot, tells where the guest had its RAM. */
async function memoryFileOf(
  library: LibraryService,
  given: string,
): Promise<{ readonly path: string; readonly ramMap: readonly RamRange[] }> {
  const isFolder = await stat(given).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) {
    const { memoryFile, manifest } = await library.resolve(given);
    if (memoryFile !== null) return { path: memoryFile, ramMap: manifest?.ramMap ?? [] };
    throw fail('file.not-found', 'opening the snapshot', 'this folder has no memory file', 'Give a file.', {
      where: { path: given },
    });
  }
  const entry = await library.resolve(path.dirname(given)).catch(() => null);
  const belongs = entry?.memoryFile != null && (await sameFile(entry.memoryFile, given));
  return { path: given, ramMap: belongs ? (entry.manifest?.ramMap ?? []) : [] };
}

async function sameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((file) => realpath(file).catch(() => null)));
  return one !== null && one === other;
}
