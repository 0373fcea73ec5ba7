/** The unfinished snapshot of a save, with its memory file lent to workers. Every engine begins with it. */
import type { Lease } from '@shared/contracts/worker';
import type { SaveContext } from './context';
import { makeTarget, type Target } from './target';

export interface OpenTarget extends Target {
  /** The memory file; good until the undo stack has run. */
  readonly lease: Lease;
}

/** Makes it, says so when the file system refuses direct I/O, and lends the memory file. */
export async function openTarget(
  { job, vm, folder, undo, rooms }: SaveContext,
  directIo: boolean,
): Promise<OpenTarget> {
  await job.enter('preparing', 'making the unfinished snapshot');
  const about = {
    machineName: vm.machine.name,
    snapshotName: job.now().name,
    startedAt: job.startedAt.toISOString(),
  };
  const target = await makeTarget(folder, about, directIo, undo);
  if (target.refusedDirectIo !== null) job.notice(target.refusedDirectIo);
  const { lease, release } = await rooms.files.lend(target.buffered, target.memoryFile, 0);
  undo.push('closing the memory file', release);
  return { ...target, lease };
}
