import type { ForeignQemu, Machine } from '@shared/contracts/machines';
import { addCommand, type Answer, type CommonOptions, type Desk } from '../command';
import { freeSocket } from '../find-machine';
import { printable, ramSize, table } from '../format';

export function addMachines(desk: Desk): void {
  addCommand(desk, 'machines', 'list the VMs that are known, and running QEMUs that were not started here').action(
    (options: CommonOptions) =>
      desk.answer(options, async ({ services }) => {
        const machines = await services.machines.list();
        return answer(machines, await services.machines.foreign());
      }),
  );
}

function answer(machines: readonly Machine[], foreign: readonly ForeignQemu[]): Answer {
  const json = {
    machines: machines.map((machine) => ({
      machine: machine.id,
      name: machine.name,
      origin: machine.origin,
      state: machine.state,
      since: machine.since,
      pid: machine.pid,
      qmp: freeSocket(machine),
      accelerator: machine.facts?.accelerator ?? null,
      machineType: machine.facts?.machineType ?? null,
      memoryBytes: machine.facts?.memoryBytes ?? null,
      qemuVersion: machine.facts?.qemuVersion ?? null,
      saving: machine.saving,
      trouble: machine.trouble?.what ?? null,
    })),
    foreign: foreign.map(({ pid, name, memoryBytes, accelerator, qemuVersion, keeper, qmp, attachable, verdict }) => ({
      pid,
      name,
      memoryBytes,
      accelerator,
      qemuVersion,
      keeper,
      qmp,
      attachable,
      verdict,
    })),
  };
  return { json, text: [knownTable(machines), ...foreignLines(foreign)].join('\n'), good: true };
}

function knownTable(machines: readonly Machine[]): string {
  if (machines.length === 0) return 'No machine is known. stillframe start --demo starts one.';
  return table<Machine>(
    [
      { title: 'NAME', value: ({ name }) => name },
      { title: 'ID', value: ({ id }) => id },
      { title: 'STATE', value: stateWord },
      { title: 'PID', align: 'right', value: ({ pid }) => (pid === null ? '' : String(pid)) },
      { title: 'MEMORY', align: 'right', value: ({ facts }) => (facts === null ? '' : ramSize(facts.memoryBytes)) },
      { title: 'ACCEL', value: ({ facts }) => facts?.accelerator.toUpperCase() ?? '' },
      { title: 'QEMU', value: ({ facts }) => facts?.qemuVersion ?? '' },
      { title: 'QMP', value: (machine) => freeSocket(machine) ?? '' },
    ],
    machines,
  );
}

const stateWord = ({ state, saving }: Machine): string =>
  saving !== null ? 'saving' : state === 'stopped-after-save' ? 'stopped after save' : state;

function foreignLines(foreign: readonly ForeignQemu[]): readonly string[] {
  if (foreign.length === 0) return [];
  return [
    '',
    'Running QEMUs that Stillframe did not start:',
    ...foreign.map(({ name, pid, verdict }) => `  ${printable(name)} (pid ${pid}): ${printable(verdict)}`),
  ];
}
