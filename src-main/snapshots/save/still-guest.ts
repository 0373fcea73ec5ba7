/** Letting the guest stand still for a save, and run again. */
import type { Qmp } from '../../services';
import { queryRunState } from '../migration';
import type { SaveContext } from './context';
import { isRunning } from './plan';
import type { UndoStep } from './undo';

/** `stop` waits until the VM's disks have written what is under way. */
const STOP_LIMIT_MS = 60_000;

/** Pauses the guest; its disks finish what is under way first. */
export async function stopGuest(qmp: Qmp): Promise<void> {
  await qmp.execute('stop', {}, { timeoutMs: STOP_LIMIT_MS });
}

/** Pushes how a guest that ran is let run again; to be pushed before anything stops it. */
export function pushResume({ vm, undo, wasRunning }: SaveContext): UndoStep {
  return undo.push('letting the guest run again', async () => {
    if (wasRunning && !isRunning(await queryRunState(vm.qmp))) await vm.qmp.execute('cont');
  });
}
