import { fail } from '@shared/contracts/failure';
import type { Machine, NewMachine } from '@shared/contracts/machines';
import type { MachineService, StartOptions as LaunchChoices } from '../../services';
import { wholeNumberFrom } from '../arguments';
import { addCommand, type Answer, type CommonOptions, type Desk, type Workplace } from '../command';
import { findKnownMachine, freeSocket } from '../find-machine';
import { duration, printable } from '../format';
import { withInterrupt } from '../interrupt';
import { readRecipeFile } from '../recipe-file';

interface StartOptions extends CommonOptions {
  readonly demo?: true;
  readonly memory?: number;
  readonly dirty?: number;
  readonly rate?: number;
  readonly hugePages?: true;
}

const doing = 'starting the VM';

export function addStart(desk: Desk): void {
  addCommand(desk, 'start', 'start a VM; it goes on running when this command has ended')
    .usage('RECIPE|--demo [options]')
    .argument('[recipe]', 'a known machine, or a file with a QEMU command line or a JSON recipe')
    .option('--demo', 'the demo VM, which counts, draws and dirties memory')
    .option('--memory <MiB>', 'memory of the demo VM, 64 to 4096 (default: 256)', wholeNumberFrom(64, 4096))
    .option('--dirty <MiB>', 'how much of it the demo VM writes over and over (default: 64)', wholeNumberFrom(1, 2044))
    .option('--rate <MiB/s>', 'how fast; 0: as fast as it can (default: 64)', wholeNumberFrom(0, 4096))
    .option('--huge-pages', "the VM's memory in huge pages, which have to be reserved first (sysctl vm.nr_hugepages)")
    .action((recipe: string | undefined, options: StartOptions) =>
      desk.answer(options, (workplace) => start(workplace, recipe, options)),
    );
}

async function start(workplace: Workplace, recipe: string | undefined, options: StartOptions): Promise<Answer> {
  const { machines } = workplace.services;
  return withInterrupt(async (interrupt) => {
    const began = performance.now();
    const known = new Set((await machines.list()).map(({ id }) => id));
    const chosen = await choose(workplace, recipe, options);
    const how = { hugePages: options.hugePages === true };
    const machine = await startOrForget(machines, chosen, how, known.has(chosen.id));
    const totalMs = performance.now() - began;
    if (interrupt.asked) {
      await machines.powerOff(machine.id);
      throw fail('qemu.did-not-start', doing, 'The start was interrupted', 'The VM was powered off.');
    }
    return answerStarted(machine, { totalMs });
  });
}

/** `start` and `restore` answer alike. */
export function answerStarted(
  machine: Machine,
  timings: { readonly totalMs: number; readonly loadingMs?: number },
): Answer {
  const { id, pid, state } = machine;
  const qmp = freeSocket(machine);
  const rounded = Object.fromEntries(Object.entries(timings).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
  return {
    json: { machine: id, pid, qmp, state, timings: rounded },
    text:
      `${printable(machine.name)} (${id}) is ${state} after ${duration(timings.totalMs)}, pid ${String(pid)}.\n` +
      `QMP: ${String(qmp)}`,
    good: true,
  };
}

async function choose(workplace: Workplace, recipe: string | undefined, options: StartOptions): Promise<Machine> {
  const { machines } = workplace.services;
  if ((recipe === undefined) !== (options.demo === true)) {
    throw fail('usage', doing, 'Either RECIPE or --demo is needed', 'stillframe start --help shows both.');
  }
  if (recipe === undefined) {
    const demo = {
      ...(options.memory === undefined ? {} : { memoryMiB: options.memory }),
      ...(options.dirty === undefined ? {} : { dirtyMiB: options.dirty }),
      ...(options.rate === undefined ? {} : { dirtyMiBPerSecond: options.rate }),
    };
    return machines.add({ kind: 'demo', ...demo });
  }
  if ([options.memory, options.dirty, options.rate].some((value) => value !== undefined)) {
    throw fail('usage', doing, '--memory, --dirty and --rate are for --demo only', 'Leave them out.');
  }
  const known = await findKnownMachine(machines, recipe);
  if (known !== null) return known;
  const fresh: NewMachine = await readRecipeFile(recipe, workplace.surroundings.cwd);
  return machines.add(fresh);
}

/** A machine that was made known by this command and does not start is not kept. */
async function startOrForget(
  machines: MachineService,
  { id }: Machine,
  how: LaunchChoices,
  keep: boolean,
): Promise<Machine> {
  try {
    return await machines.start(id, how);
  } catch (error) {
    if (!keep) await machines.forget(id);
    throw error;
  }
}
