import { fail } from '@shared/contracts/failure';
import type { Machine } from '@shared/contracts/machines';
import type { MachineService } from '../services';

const doing = 'looking for the machine';

/** The machine with this id, or the only one with this name; among several of a name, the only one that is not off. */
export async function findMachine(machines: MachineService, reference: string): Promise<Machine> {
  const found = await findKnownMachine(machines, reference);
  if (found !== null) return found;
  throw fail(
    'machine.unknown',
    doing,
    `No machine is called "${reference}"`,
    'stillframe machines lists names and ids.',
  );
}

/** The same; null when there is none. */
export async function findKnownMachine(machines: MachineService, reference: string): Promise<Machine | null> {
  const all = await machines.list();
  const byId = all.find(({ id }) => id === reference);
  if (byId !== undefined) return byId;
  const named = all.filter(({ name }) => name === reference);
  const on = named.filter(({ state }) => state !== 'off');
  const candidates = named.length > 1 && on.length > 0 ? on : named;
  if (candidates.length <= 1) return candidates[0] ?? null;
  throw fail(
    'machine.unknown',
    doing,
    `${candidates.length} machines are called "${reference}"`,
    `Use one of their ids: ${candidates.map(({ id }) => id).join(', ')}.`,
  );
}

/** The socket a person's own tools may use: the second one where there is one, which Stillframe leaves free. */
export const freeSocket = (machine: Machine): string | null => machine.toolsQmp ?? machine.qmp;
