/** One look at a file by a worker, for import and preflight. */
import type { InspectReport } from '@shared/contracts/inspect';
import type { FileRegistry, WorkerPool } from '../../services';

/** Inspects a file without reading its pages. Rejects with `file.*` and `format.*` failures. */
export async function inspectOnce(
  rooms: { readonly files: FileRegistry; readonly workers: WorkerPool },
  path: string,
  streamOffset: number | null,
): Promise<InspectReport> {
  const { lease, release } = await rooms.files.lendPath(path, streamOffset);
  try {
    const worker = await rooms.workers.take('inspect');
    try {
      return await worker.api.inspect(lease);
    } finally {
      worker.stop();
    }
  } finally {
    await release();
  }
}
