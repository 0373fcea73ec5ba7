/** Everything that decides whether a snapshot can be restored, found out before anything is started. */
import { isAbsolute } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { failureOf, sentenceOf, type Failure } from '@shared/contracts/failure';
import type { InspectReport } from '@shared/contracts/inspect';
import type { Finding, LoadOutlook, Manifest, SnapshotEntry } from '@shared/contracts/library';
import type { Recipe } from '@shared/contracts/machines';
import { findProgram } from '../../qemu/recipe';
import { planHere, sharesMemoryItself } from '../../qemu/shared-memory';
import { isQemuName, trustedQemu } from '../../qemu/trusted-program';
import type { FileRegistry, MachineService, WorkerPool } from '../../services';
import { inspectToRestore, type FileFacts } from '../library/inspect-once';
import { fileReferenceText } from '../library/reference';
import { checkDisks } from './disks';
import { loadOutlook } from './engines';
import { askFirst, note, ok, stop } from './findings';
import { pinMachineType } from './pin-machine';
import {
  canUseKvm,
  compareVersions,
  isOnPath,
  type QemuAbilities,
  type QemuOutline,
  type QemuProbe,
} from '../../qemu/qemu-probe';

export interface PreflightRooms {
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly probe: QemuProbe;
  readonly machines: Pick<MachineService, 'list'>;
}

/** The findings, and what the load needs of what was found. */
export interface Checked {
  readonly findings: readonly Finding[];
  readonly recipe: Recipe | null;
  readonly report: InspectReport | null;
  /** Whether the VM ran when it was saved; null when nothing tells. */
  readonly wasRunning: boolean | null;
  /** What loads are possible; null while QEMU was not asked. */
  readonly load: LoadOutlook | null;
}

/** Looks at file, QEMU, machine, CPU and disks. `recipe` stands in for the missing one of a bare file. */
export async function check(rooms: PreflightRooms, entry: SnapshotEntry, recipe: Recipe | null): Promise<Checked> {
  const { manifest } = entry;
  const used = manifest?.recipe ?? recipe;
  const file = await checkFile(rooms, entry);
  const [qemu, disks] = await Promise.all([
    used === null ? { findings: [noRecipe(entry)], load: null } : checkQemu(rooms, used, manifest, file.report),
    checkDisks(manifest?.disks ?? []),
  ]);
  const findings = [...file.findings, ...qemu.findings, ...disks, ...durability(manifest)];
  const wasRunning = manifest?.wasRunning ?? file.wasRunning;
  return { findings, recipe: used, report: file.report, wasRunning, load: qemu.load };
}

type CheckedFile = Pick<Checked, 'findings' | 'report' | 'wasRunning'>;

async function checkFile(
  rooms: PreflightRooms,
  { state, memoryFile, streamOffset }: SnapshotEntry,
): Promise<CheckedFile> {
  const bad = (text: string): CheckedFile => ({
    findings: [stop('file-incomplete', text, 'file')],
    report: null,
    wasRunning: null,
  });
  if (state.kind === 'interrupted' || state.kind === 'damaged') return bad(state.why);
  if (memoryFile === null) return bad('There is no memory file.');
  let facts: FileFacts;
  try {
    facts = await inspectToRestore(rooms, memoryFile, streamOffset);
  } catch (error) {
    return bad(sentenceOf(failureOf(error, 'reading the memory file')));
  }
  const { report } = facts;
  if (!report.complete) {
    const worst = report.problems.find(({ severity }) => severity === 'error') ?? report.problems[0];
    return bad(`The memory file is not complete: ${worst?.message ?? 'it ends before its stream does'}`);
  }
  const present = report.ramBlocks.reduce(
    (sum, { pagesPresent, pageSize }) => sum + (pagesPresent ?? 0) * (pageSize ?? 0),
    0,
  );
  const size = present === 0 ? '' : ` ${String(Math.round(present / 1024 / 1024))} MiB of pages are in it.`;
  return { ...facts, findings: [ok('file', `File complete.${size}`)] };
}

function noRecipe({ memoryFile, streamOffset, manifest }: SnapshotEntry): Finding {
  const given =
    memoryFile === null ? null : { path: memoryFile, streamOffset: manifest === null ? streamOffset : null };
  const file = given === null ? '' : ` (stillframe restore ${JSON.stringify(fileReferenceText(given))} --recipe FILE)`;
  return stop(
    'no-recipe',
    `Only the memory is known, not the command line of its VM. Restore it with a recipe for the same machine${file}.`,
  );
}

/**
 * The recipe to ask, null for none. A manifest may come from anybody, and asking a program what it can do means to run it,
 * with its environment. So only programs are asked that this user would run anyway: what a known machine is started with,
 * and a QEMU that PATH offers and nobody else could have written, then without the manifest's environment. A recipe without
 * a manifest was given by the person.
 */
async function askable(
  { machines }: PreflightRooms,
  recipe: Recipe,
  manifest: Manifest | null,
): Promise<Recipe | null> {
  if (manifest === null) return recipe;
  if ((await machines.list()).some((machine) => startsTheSame(machine.recipe, recipe))) return recipe;
  if (!isOnPath(recipe.program) || !isQemuName(recipe.program) || loaderVariables(recipe).length > 0) return null;
  const clean: Recipe = { ...recipe, env: {}, cwd: '/' };
  const program = await findProgram(clean).catch(() => null);
  // One that is not there is asked all the same, to be told so.
  return program === null || (await trustedQemu(program)) !== null ? clean : null;
}

/** Same program, same environment; a path from the working folder means something else in every folder. */
function startsTheSame(known: Recipe | null, recipe: Recipe): boolean {
  const { program, env, cwd } = recipe;
  const samePlace = isAbsolute(program) || !program.includes('/') || known?.cwd === cwd;
  return known?.program === program && samePlace && isDeepStrictEqual(known.env, env);
}

/** Variables that decide which code runs (ld.so(8)), as `NAME=value`. */
const loaderVariables = ({ env }: Recipe): readonly string[] =>
  Object.entries(env)
    .filter(([name]) => name === 'PATH' || name.startsWith('LD_'))
    .map(([name, value]) => `${name}=${value}`);

function wantsToRun(recipe: Recipe): Finding {
  const variables = loaderVariables(recipe);
  const set = variables.length === 0 ? '' : ` with ${variables.join(' ')}`;
  return askFirst(
    'qemu',
    `This snapshot wants to run ${recipe.program}${set}. No machine here does so, and it was not asked what it can do.`,
    `Start ${recipe.program}`,
  );
}

async function checkQemu(
  rooms: PreflightRooms,
  recipe: Recipe,
  manifest: Manifest | null,
  report: InspectReport | null,
): Promise<Pick<Checked, 'findings' | 'load'>> {
  const accelerator = manifest?.accelerator ?? '';
  const asked = await askable(rooms, recipe, manifest);
  if (asked === null) return { findings: [wantsToRun(recipe)], load: null };
  const { abilities, refusal } = await askProbe(rooms.probe, asked, accelerator);
  if (abilities === null)
    return { findings: [stop('qemu', `${recipe.program}: ${refusal.what}. ${refusal.todo}`)], load: null };
  const machineType = manifest?.machineType ?? report?.machine ?? null;
  const load = report === null ? null : await outlookWith(abilities, recipe, report);
  const findings = [
    checkVersion(abilities, manifest?.qemuVersion ?? null),
    ...(load === null ? [] : tellEngine(load)),
    ...(machineType === null ? [] : [checkMachineType(abilities, machineType)]),
    ...(manifest === null ? [] : await checkAccelerator(accelerator, refusal)),
    ...(manifest?.cpuModel == null ? [] : [checkCpu(abilities, manifest.cpuModel, accelerator)]),
  ];
  return { findings, load };
}

/** What loads are possible with the recipe's program, which is run for it: for a person who agreed to run it. */
export const outlookOf = async (probe: QemuProbe, recipe: Recipe, report: InspectReport): Promise<LoadOutlook> =>
  outlookWith(await probe.outline(recipe), recipe, report);

async function outlookWith(abilities: QemuOutline, recipe: Recipe, report: InspectReport): Promise<LoadOutlook> {
  const { argv } = pinMachineType(recipe, report.machine);
  return loadOutlook({
    qemuVersion: abilities.version,
    mappedRam: abilities.capabilities.has('mapped-ram'),
    file: isMappedRam(report) ? 'mapped-ram' : 'stream',
    blocks: report.ramBlocks,
    memory: await planHere(argv, abilities),
    sharesItself: sharesMemoryItself(argv),
  });
}

/** Whether QEMU reads the file by place, not from front to back. */
export const isMappedRam = ({ ramBlocks }: InspectReport): boolean =>
  ramBlocks.some(({ headerOffset }) => headerOffset !== null);

/** QEMU itself is what everybody expects, and not worth a word. */
const tellEngine = ({ auto }: LoadOutlook): readonly Finding[] =>
  auto === null || auto.engine === 'native' ? [] : [note('qemu', auto.why, 'load-engine')];

/** Asks with the accelerator of the save; where that does not work, asks for the rest without it. */
async function askProbe(
  probe: QemuProbe,
  recipe: Recipe,
  accelerator: string,
): Promise<
  | { readonly abilities: QemuAbilities; readonly refusal: Failure | null }
  | { readonly abilities: null; readonly refusal: Failure }
> {
  try {
    return { abilities: await probe.ask(recipe, accelerator), refusal: null };
  } catch (error) {
    const refusal = failureOf(error, 'asking QEMU');
    if (accelerator !== 'kvm' || refusal.code === 'qemu.not-found') return { abilities: null, refusal };
    const abilities = await probe.ask(recipe, 'tcg').catch(() => null);
    return abilities === null ? { abilities: null, refusal } : { abilities, refusal };
  }
}

function checkVersion({ version }: QemuAbilities, saved: string | null): Finding {
  if (saved === null) return ok('qemu', `QEMU ${version} is installed.`);
  const compared = compareVersions(version, saved);
  if (compared === 0) return ok('qemu', `QEMU ${version} is installed, the version that saved.`);
  if (compared > 0) return ok('qemu', `QEMU ${version} is installed, newer than the ${saved} that saved.`);
  return askFirst(
    'qemu-older',
    `QEMU ${version} is installed, older than the ${saved} that saved. It may not understand the saved devices.`,
    `Try it with QEMU ${version}`,
  );
}

function checkMachineType({ machineTypes, version }: QemuAbilities, machineType: string): Finding {
  return machineTypes.has(machineType)
    ? ok('machine-type', `Machine ${machineType} is known.`)
    : stop('machine-type', `QEMU ${version} does not know the machine ${machineType}. Use a QEMU that does.`);
}

async function checkAccelerator(accelerator: string, refusal: Failure | null): Promise<readonly Finding[]> {
  if (accelerator === 'tcg') return [ok('accelerator', 'Accelerator TCG works here.')];
  if (accelerator !== 'kvm')
    return [note('accelerator', `Whether the accelerator of the save (${accelerator}) works here is not known.`)];
  if (await canUseKvm().then((usable) => usable && refusal === null))
    return [ok('accelerator', 'QEMU starts with KVM here.')];
  return [
    stop(
      'accelerator',
      `The VM was saved with KVM, which does not work here: ${refusal?.what ?? '/dev/kvm cannot be opened'}. ` +
        'Restore it on a host with KVM.',
    ),
  ];
}

function checkCpu({ cpuModels }: QemuAbilities, model: string, accelerator: string): Finding {
  const lacking = cpuModels.get(model);
  if (lacking === undefined) return stop('cpu-model', `QEMU does not offer the CPU model ${model} here.`);
  if (accelerator === 'kvm' && model === 'host')
    return note('cpu-model', 'The guest was given this host’s CPU as it was. On another CPU it may crash.');
  // With TCG every host is alike, and what it cannot emulate the guest did not have at the save either.
  if (accelerator === 'kvm' && lacking.length > 0)
    return askFirst(
      'cpu-model',
      `This host lacks features of the CPU model ${model}: ${lacking.slice(0, 8).join(', ')}. The guest may crash.`,
      'Restore anyway, the guest may crash',
    );
  return ok('cpu-model', `CPU model ${model} is available.`);
}

function durability(manifest: Manifest | null): readonly Finding[] {
  if (manifest === null || manifest.durable) return [];
  return [note('durability', 'Saved without a flush: after a power cut since then the file may be damaged.')];
}
