/** Phase "preparing": the folder, the file, the VM's settings. The guest still runs. */
import type { Target } from './target';
import { makeTarget } from './target';
import { addFdset } from './fdset';
import type { SaveContext } from './context';
import type { UndoStep } from './undo';
import { applySettings, knowsDirectIo } from './vm-settings';

export interface Prepared {
  readonly target: Target;
  readonly fdset: number;
  readonly directIo: boolean;
  /** Puts QEMU's settings back and takes the file from it; due as soon as QEMU has written. */
  readonly putBack: readonly UndoStep[];
}

/** Makes everything ready up to the `migrate` command. QEMU's refusals come here, before the guest is stopped. */
export async function prepare(context: SaveContext): Promise<Prepared> {
  const { job, options, vm, undo, wasRunning } = context;
  await job.enter('preparing', 'making the unfinished snapshot');
  const about = {
    machineName: vm.machine.name,
    snapshotName: job.now().name,
    startedAt: job.startedAt.toISOString(),
  };
  const wantsDirectIo = options.directIo && knowsDirectIo(vm.parameters);
  if (options.directIo && !wantsDirectIo)
    job.notice(`QEMU ${vm.qmp.version} has no direct I/O for saves. Saving buffered; expect more page cache in use.`);
  const target = await makeTarget(context.folder, about, wantsDirectIo, undo);
  if (target.refusedDirectIo !== null) job.notice(target.refusedDirectIo);
  const directIo = target.direct !== null;

  await job.enter('preparing', 'setting up QEMU');
  const standsStill = options.mode === 'paused' || !wasRunning;
  const save = { channels: options.channels, standsStill };
  const settings = await applySettings(vm.qmp, vm, save, directIo, undo);
  const handles = target.direct === null ? [target.buffered] : [target.buffered, target.direct];
  const { id, removal } = await addFdset(vm.qmp, handles, undo);
  await target.direct?.close();
  return { target, fdset: id, directIo, putBack: [removal, ...settings] };
}
