/** Machines: VMs known, running or attached. */
import type { MachineService, Places } from '../services';
import type { SavesOf } from './entry';
import { Machines } from './service';

export interface MachineServiceOptions {
  /** What the library has of a machine, by the machine's name; asked whenever machines are shown, so it must be quick. */
  readonly savesOf?: (machineName: string) => SavesOf;
}

/** The service, with VMs that still run from an earlier Stillframe found again. Let go of them with `dispose`. */
export async function createMachineService(
  places: Places,
  options: MachineServiceOptions = {},
): Promise<MachineService> {
  const machines = new Machines(places, options.savesOf ?? (() => ({ lastSave: null, snapshotCount: 0 })));
  await machines.prepare();
  return machines;
}
