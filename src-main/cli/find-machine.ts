import { fail } from '@shared/contracts/failure';
import type { Machine } from '@shared/contracts/machines';
import type { MachineService } from '../services';

/** The machine with this id or name. */
export async function findMachine(machines: MachineService, reference: string): Promise<Machine> {
  const found = await findKnownMachine(machines, reference);
  if (found !== null) return found;
  throw fail(
    'machine.unknown',
    'looking for the machine',
    `No machine is called "${reference}"`,
    'stillframe machines lists names and ids.',
  );
}

/** The same; null when there is none. */
export async function findKnownMachine(machines: MachineService, reference: string): Promise<Machine | null> {
  const all = await machines.list();
  return all.find(({ id }) => id === reference) ?? all.find(({ name }) => name === reference) ?? null;
}

/** The socket a person's own tools may use: the second one where there is one, which Stillframe leaves free. */
export const freeSocket = (machine: Machine): string | null => machine.toolsQmp ?? machine.qmp;
