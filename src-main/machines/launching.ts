/** Starting machines: from a recipe, or waiting for a snapshot to be loaded into them. */
import { failureOf } from '@shared/contracts/failure';
import type { Machine, Recipe } from '@shared/contracts/machines';
import { launchQemu, type StartedQemu } from '../qemu/launch';
import type { LaunchOptions, MachineService, SharedRam, StartOptions } from '../services';
import { MachineEntry } from './entry';
import { freeName, isOfVm } from './new-machine';
import { newMachineId, type Roster } from './roster';
import type { RunRecord } from './run-folder';
import { prepareRam } from './shared-ram';

/** Starts a machine that is off and waits until it answers. On failure it is off again, with the reason as its trouble. */
export async function startMachine(
  roster: Roster,
  entry: MachineEntry,
  recipe: Recipe,
  { hugePages = false }: StartOptions = {},
): Promise<void> {
  const record = await roster.folders.create(entry.id, recipe, 'launching');
  entry.starting = 'here';
  entry.startFailure = null;
  entry.crash = null;
  roster.changed();
  let started: StartedQemu | null = null;
  try {
    const launched = await launchWithRam(roster, record, { recipe, extraArgv: [], inherit: [] }, hugePages);
    ({ started } = launched);
    await launched.ram?.file.close();
    const ours: RunRecord = { ...launched.record, phase: 'ours' };
    await roster.folders.write(ours);
    entry.origin = 'started';
    await roster.goLive(entry, ours, started.identity, started.qmp);
    await roster.keep(entry);
  } catch (error) {
    entry.live?.release();
    entry.live = null;
    await started?.process.kill();
    await roster.folders.remove(record);
    entry.startFailure = failureOf(error, 'starting the VM');
    throw error;
  } finally {
    entry.starting = null;
    roster.changed();
  }
}

type Incoming = Awaited<ReturnType<MachineService['launchIncoming']>>;

/**
 * Starts QEMU with `-incoming defer -S`. Until `adopt` it belongs to the caller alone; a Stillframe that dies before leaves
 * a VM which the next one ends. A known machine of the same VM that is off is the one that comes
 * back.
 */
export async function launchIncoming(
  roster: Roster,
  options: Parameters<MachineService['launchIncoming']>[0],
): Promise<Incoming> {
  const { recipe } = options;
  await roster.scan();
  const off = roster.all().filter(({ state, origin }) => state === 'off' && origin === 'started');
  const same = off.filter(
    (entry) => entry.recipe !== null && isOfVm(recipe, entry.recipe, entry.facts?.machineType ?? null),
  );
  const comesBack = same.find(({ name }) => name === recipe.name) ?? same[0];
  const id = comesBack?.id ?? newMachineId();
  const record = await roster.folders.create(id, recipe, 'incoming');
  const release = async (): Promise<void> => {
    await roster.folders.remove(record);
    if (comesBack !== undefined) comesBack.starting = null;
    roster.changed();
  };
  if (comesBack !== undefined) comesBack.starting = 'here';
  roster.changed();
  try {
    const extraArgv = ['-incoming', 'defer', '-S', ...options.extraArgv];
    const launch = { recipe, extraArgv, inherit: options.inherit };
    const { started, record: launched, ram } = await launchWithRam(roster, record, launch, false);
    await ram?.file.close();
    return {
      qmp: started.qmp,
      process: started.process,
      privateRam: launched.privateRam,
      adopt: () => adopt(roster, started, launched, comesBack),
      abandon: async () => {
        comesBack?.live?.release();
        started.qmp.close();
        await started.process.kill();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function adopt(
  roster: Roster,
  started: StartedQemu,
  launched: RunRecord,
  comesBack: MachineEntry | undefined,
): Promise<Machine> {
  const { recipe } = launched;
  const entry = comesBack ?? new MachineEntry(launched.machine, freeName(recipe.name, roster.names()), 'started');
  // A machine that comes back keeps the recipe its person wrote, not the one with the machine version of the snapshot.
  entry.recipe ??= recipe;
  entry.starting = 'here';
  const ours: RunRecord = { ...launched, phase: 'ours' };
  await roster.folders.write(ours);
  await roster.put(entry);
  await roster.goLive(entry, ours, started.identity, started.qmp);
  entry.starting = null;
  await roster.keep(entry);
  roster.changed();
  return roster.show(entry);
}

interface Launched {
  readonly started: StartedQemu;
  readonly record: RunRecord;
  /** The memory that it shares, open; null when it has its own. */
  readonly ram: SharedRam | null;
}

/**
 * Launches with shared memory where that is possible, and without where QEMU refuses it: a VM starts whatever becomes of its
 * sharing. Huge pages are different: who asks for them gets them or a refusal.
 */
async function launchWithRam(
  roster: Roster,
  record: RunRecord,
  options: LaunchOptions,
  hugePages: boolean,
): Promise<Launched> {
  const prepared = await prepareRam(roster.probe, options.recipe, hugePages);
  if (prepared.why !== null) return launchPrivate(roster, record, options, prepared.why);
  const { ram, inherited } = prepared;
  try {
    const launched = await launch(roster, record, { ...options, inherit: [...options.inherit, inherited] });
    return { ...launched, ram };
  } catch (error) {
    await ram.file.close();
    const { code, what } = failureOf(error, 'starting the VM');
    if (hugePages || code !== 'qemu.did-not-start') throw error;
    return launchPrivate(roster, record, options, `QEMU did not take shared memory: ${what}`);
  }
}

async function launchPrivate(
  roster: Roster,
  record: RunRecord,
  options: LaunchOptions,
  privateRam: string,
): Promise<Launched> {
  return { ...(await launch(roster, { ...record, privateRam }, options)), ram: null };
}

async function launch(
  roster: Roster,
  record: RunRecord,
  options: LaunchOptions,
): Promise<Pick<Launched, 'started' | 'record'>> {
  let launched = record;
  const started = await launchQemu(options, roster.folders.path(record.machine), {
    sockets: record.sockets,
    spawned: async (vm) => {
      launched = { ...record, vm };
      await roster.folders.write(launched);
    },
  });
  return { started, record: launched };
}
