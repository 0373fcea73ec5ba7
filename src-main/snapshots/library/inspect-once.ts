/** One question about a file to a worker, for import and preflight. */
import type { InspectReport } from '@shared/contracts/inspect';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import type { FileRegistry, WorkerPool } from '../../services';

interface Rooms {
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
}

async function askWorker<T>(
  rooms: Rooms,
  path: string,
  streamOffset: number | null,
  ask: (worker: WorkerApi, lease: Lease) => Promise<T>,
): Promise<T> {
  const { lease, release } = await rooms.files.lendPath(path, streamOffset);
  try {
    const worker = await rooms.workers.take('inspect');
    try {
      return await ask(worker.api, lease);
    } finally {
      worker.stop();
    }
  } finally {
    await release();
  }
}

/** Inspects a file without reading its pages. Rejects with `file.*` and `format.*` failures. */
export const inspectOnce = (rooms: Rooms, path: string, streamOffset: number | null): Promise<InspectReport> =>
  askWorker(rooms, path, streamOffset, (worker, lease) => worker.inspect(lease));

/** What is known of a file: its structure, and whether its VM ran when it was saved (null: the file does not say). */
export interface FileFacts {
  readonly report: InspectReport;
  readonly wasRunning: boolean | null;
}

/** `inspectOnce`, and for a libvirt image what its header says of the VM's state; QEMU's own stream does not tell. */
export const inspectToRestore = (rooms: Rooms, path: string, streamOffset: number | null): Promise<FileFacts> =>
  askWorker(rooms, path, streamOffset, async (worker, lease) => {
    const report = await worker.inspect(lease);
    const wasRunning = report.container.kind === 'libvirt' ? await worker.wasRunning(lease) : null;
    return { report, wasRunning };
  });
