/** Phase "flushing": is everything in the file, and then: is it on stable storage. Off every event loop, in a worker. */
import { fail } from '@shared/contracts/failure';
import type { FlushPolicy } from '@shared/contracts/saves';
import type { Lease, SavedCheck } from '@shared/contracts/worker';
import { freeBytes } from '../paths';
import type { SaveContext } from './context';
import type { SaveWorker } from './save-worker';
import { fileSystemFull } from './write';

const RANGE_BYTES = 64 * 1024 * 1024;
const FULL_BYTES = 4 * 1024 * 1024;

/**
 * QEMU ignores a write that came out short, and its `completed` says nothing of the disk. Throws `save.incomplete` when a
 * present page has no bytes or the stream does not parse to its end.
 */
export async function checkMemory({ job, folder }: SaveContext, worker: SaveWorker, lease: Lease): Promise<SavedCheck> {
  await job.enter('flushing', 'checking that every page has its bytes');
  const check = await worker.run((api) => api.checkSaved(lease));
  if (check.ok) {
    if (!check.holesKnown)
      job.notice('This file system cannot tell holes from data, so a lost write would not have been noticed.');
    return check;
  }
  const detail = check.wrong.join('\n');
  if ((await freeBytes(folder)) < FULL_BYTES) throw fileSystemFull(folder, { detail });
  throw fail(
    'save.incomplete',
    'checking the saved file',
    `QEMU reported the save as complete, but the file is not: ${check.wrong[0] ?? 'no reason is known'}`.replace(
      /\.+$/,
      '',
    ),
    'Save again, to another disk if it happens twice.',
    { where: { path: lease.name }, detail },
  );
}

/**
 * Brings the file to stable storage and answers the policy. `ranged` is written back in ranges first, so that there is progress to show and a
 * cancel is near; with `end` and `direct` one fdatasync does it all, with nothing to show meanwhile.
 */
export async function flushMemory(
  { job }: SaveContext,
  worker: SaveWorker,
  lease: Lease,
  size: number,
  policy: FlushPolicy,
): Promise<FlushPolicy> {
  if (policy === 'none') return policy;
  if (policy === 'ranged') {
    await job.enter('flushing', 'writing back to stable storage');
    for (let offset = 0; offset < size; offset += RANGE_BYTES) {
      const length = Math.min(RANGE_BYTES, size - offset);
      await worker.run((api) => api.writeBack(lease, offset, length));
      job.update({ phaseFraction: (offset + length) / size });
    }
  }
  await job.enter('flushing', 'flushing the disk');
  await worker.run((api) => api.dataSync(lease));
  return policy;
}
