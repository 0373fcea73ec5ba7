/** Stillframe's services on the VM of the matrix: the same as in the app, with its workers as processes. */
import { join } from 'node:path';
import type { MachineId } from '../../../src-shared/contracts/machines';
import type { SavePhase } from '../../../src-shared/contracts/saves';
import { openTestServices, type BuiltWorker, type TestServices } from '../../support/services';
import { cpuOfTree } from './cpu';
import type { BenchVm } from './vm';

export interface Stillframe {
  readonly services: TestServices;
  readonly machine: MachineId;
  /** Called once for each phase that a save comes to, and waited for. */
  onPhase: ((phase: SavePhase) => Promise<void>) | null;
  /** CPU seconds so far of everybody at work: this process, its workers, QEMU without the guest's CPUs. */
  cpu(): Promise<number>;
  end(): Promise<void>;
}

/** Attaches to the VM, which is left as it is. */
export async function openStillframe(folder: string, worker: BuiltWorker, vm: BenchVm): Promise<Stillframe> {
  let last: SavePhase | null = null;
  const services = await openTestServices({
    folder: join(folder, 'sf'),
    worker,
    saveHooks: {
      onPhase: async (phase) => {
        if (phase !== last) await opened.onPhase?.(phase);
        last = phase;
      },
    },
  });
  const machine = await services.machines.attach(vm.freeQmp);
  const opened: Stillframe = {
    services,
    machine: machine.id,
    onPhase: null,
    cpu: async () => (await cpuOfTree([vm.qemu.pid, vm.prober.pid])) + (await vm.cpu()),
    end: async () => {
      await services.machines.forget(machine.id);
      await services.end();
    },
  };
  return opened;
}
