/** Phase "preparing": the folder, the file, the VM's settings. The guest still runs. */
import { openTarget, type OpenTarget } from './open-target';
import { addFdset } from './fdset';
import type { SaveContext } from './context';
import { wantsDirectIo } from './engine';
import type { UndoStep } from './undo';
import { applySettings, knowsDirectIo } from './vm-settings';

/** What the native engine writes with. */
export interface NativePrepared {
  readonly target: OpenTarget;
  readonly fdset: number;
  readonly directIo: boolean;
  /** Puts QEMU's settings back and takes the file from it; due as soon as QEMU has written. */
  readonly putBack: readonly UndoStep[];
}

/** Makes everything ready up to the `migrate` command. QEMU's refusals come here, before the guest is stopped. */
export async function prepareNative(context: SaveContext): Promise<NativePrepared> {
  const { job, options, vm, undo, wasRunning } = context;
  const asked = wantsDirectIo(options);
  const tried = asked && knowsDirectIo(vm.parameters);
  if (asked && !tried)
    job.notice(`QEMU ${vm.qmp.version} has no direct I/O for saves. Saving buffered; expect more page cache in use.`);
  const target = await openTarget(context, tried);
  const directIo = target.direct !== null;

  await job.enter('preparing', 'setting up QEMU');
  const standsStill = options.mode === 'paused' || !wasRunning;
  const save = { channels: options.channels, rateLimit: options.rateLimit, standsStill };
  const settings = await applySettings(vm.qmp, vm, save, directIo, undo);
  const handles = target.direct === null ? [target.buffered] : [target.buffered, target.direct];
  const { id, removal } = await addFdset(vm.qmp, handles, undo);
  await target.direct?.close();
  return { target, fdset: id, directIo, putBack: [removal, ...settings] };
}
