/** Starting a QEMU that waits for its memory, and loading the file into it. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fail, failureOf, type StillframeError } from '@shared/contracts/failure';
import type { LoadEngine } from '@shared/contracts/library';
import type { Machine, Recipe } from '@shared/contracts/machines';
import { openFailure } from '../../files/registry';
import { complaintIn } from '../../qemu/launch';
import { parseRamBlocks } from '../../qemu/ram-map';
import type { MachineService, Qmp, QemuProcess } from '../../services';
import {
  capabilityChanges,
  parameterChanges,
  queryCapabilities,
  queryParameters,
  setCapabilities,
  setParameters,
  settled,
} from '../migration';
import { pause } from '../time-limit';
import { untilLoaded } from './until-loaded';

/** Far from the small numbers a recipe's own `-add-fd` would use. */
const FDSET = 1_000_000;
const SMALL_BLOCK_BYTES = 1024 * 1024;
const SETTLE_LIMIT_MS = 60_000;
/** How long QEMU may neither change the state of its load nor read. */
const STALL_LIMIT_MS = 60_000;
const DOING = 'restoring the VM';

export interface LoadPlan {
  readonly engine: LoadEngine;
  readonly recipe: Recipe;
  readonly memoryFile: string;
  /** Where the stream begins: 0 but for containers (libvirt) and `offset=`. */
  readonly streamOffset: number;
  /** null for a legacy stream, which is read from front to back. */
  readonly mappedRam: { readonly channels: number } | null;
  /** Blocks of the file, to compare with those of the VM that is to take them. */
  readonly blocks: readonly { readonly name: string; readonly usedLength: number }[];
  readonly run: boolean;
}

/**
 * Loads and answers the machine, running or paused. On failure the process is killed, QEMU's stderr is in `detail`, and the
 * file, which was only ever open for reading, is as it was. A QEMU that does not get on for `stallMs` has failed.
 */
export async function load(
  machines: MachineService,
  plan: LoadPlan,
  stallMs = STALL_LIMIT_MS,
): Promise<{ readonly machine: Machine; readonly loadingMs: number }> {
  if (plan.engine !== 'native')
    throw fail(
      'internal',
      DOING,
      `The load engine ${plan.engine} is not there yet`,
      'Restore it with the engine native.',
    );
  const handles = await openToLoad(plan);
  let started;
  try {
    const inherit = handles.map(({ fd }) => ({
      fd,
      argv: (number: number) => ['-add-fd', `fd=${String(number)},set=${String(FDSET)},opaque=stillframe`],
    }));
    started = await machines.launchIncoming({ recipe: plan.recipe, inherit, extraArgv: [] });
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
  try {
    const begun = performance.now();
    await loadInto(started, plan, { directIo: handles.length > 1, stallMs });
    const loadingMs = performance.now() - begun;
    if (plan.run) await started.qmp.execute('cont');
    return { machine: await started.adopt(), loadingMs };
  } catch (error) {
    const stderr = await stderrOf(started.process);
    await started.abandon();
    throw loadFailure(error, plan.memoryFile, stderr);
  }
}

/** One description to read through the page cache and, where the file system takes it, one with O_DIRECT (fdset rules). */
async function openToLoad({ memoryFile, mappedRam }: LoadPlan): Promise<readonly FileHandle[]> {
  const buffered = await open(memoryFile, constants.O_RDONLY).catch((cause: unknown) => {
    throw openFailure(memoryFile, cause);
  });
  if (mappedRam === null) return [buffered];
  try {
    return [buffered, await open(memoryFile, constants.O_RDONLY | constants.O_DIRECT)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return [buffered];
    await buffered.close();
    throw openFailure(memoryFile, error);
  }
}

async function loadInto(
  { qmp, process: { pid } }: { readonly qmp: Qmp; readonly process: Pick<QemuProcess, 'pid'> },
  plan: LoadPlan,
  { directIo, stallMs }: { readonly directIo: boolean; readonly stallMs: number },
): Promise<void> {
  const { mappedRam, streamOffset } = plan;
  if (mappedRam !== null) await compareBlocks(qmp, plan);
  const before = { capabilities: await queryCapabilities(qmp), parameters: await queryParameters(qmp) };
  const capabilities = capabilityChanges(
    before.capabilities,
    new Map(mappedRam === null ? [['events', true]] : ['events', 'mapped-ram', 'multifd'].map((name) => [name, true])),
  );
  const parameters = parameterChanges(
    before.parameters,
    mappedRam === null ? {} : { 'multifd-channels': mappedRam.channels, 'direct-io': directIo },
  );
  await setParameters(qmp, parameters);
  await setCapabilities(qmp, capabilities);
  const offset = streamOffset === 0 ? '' : `,offset=${String(streamOffset)}`;
  await qmp.execute('migrate-incoming', { uri: `file:/dev/fdset/${String(FDSET)}${offset}` });
  await untilLoaded(qmp, pid, stallMs);
  await settled(qmp, SETTLE_LIMIT_MS);
  await setCapabilities(qmp, new Map([...capabilities].map(([name, state]) => [name, !state])));
  await setParameters(qmp, Object.fromEntries(Object.keys(parameters).map((name) => [name, before.parameters[name]])));
  await qmp.execute('remove-fd', { 'fdset-id': FDSET });
}

/**
 * QEMU (10.0.2) does not compare lengths when it reads a mapped-ram file: it would load 64 MiB into a VM of 96 and call that
 * completed. Small blocks are ROMs and tables, which another version of QEMU may well have in another size.
 */
async function compareBlocks(qmp: Qmp, { blocks, memoryFile }: LoadPlan): Promise<void> {
  const there = new Map(parseRamBlocks(await qmp.hmp('info ramblock')).map((block) => [block.name, block.usedLength]));
  for (const { name, usedLength } of blocks.filter((block) => block.usedLength >= SMALL_BLOCK_BYTES)) {
    const length = there.get(name);
    if (length === BigInt(usedLength)) continue;
    const has = length === undefined ? 'has no such block' : `gives it ${String(length)} bytes`;
    throw fail(
      'restore.failed',
      DOING,
      `The snapshot has ${String(usedLength)} bytes of ${name}, and the recipe ${has}`,
      'Use the recipe of the VM that was saved.',
      { where: { path: memoryFile, field: name } },
    );
  }
}

/** A QEMU that could not load ends by itself; the last of its words come with its end. */
async function stderrOf(process: { stderr(): Promise<string>; readonly ended: Promise<unknown> }): Promise<string> {
  await Promise.race([process.ended, pause(500)]);
  return process.stderr();
}

/** What Stillframe itself found wrong (`restore.failed`) stays as it is; for the rest QEMU's own words say most. */
function loadFailure(error: unknown, memoryFile: string, stderr: string): StillframeError {
  const cause = failureOf(error, DOING);
  const detail = stderr === '' ? {} : { detail: stderr };
  if (cause.code === 'restore.failed')
    return fail(cause.code, DOING, cause.what, cause.todo, { where: { path: memoryFile, ...cause.where }, ...detail });
  const said = complaintIn(stderr);
  return fail(
    'restore.failed',
    DOING,
    said === null ? cause.what : `QEMU could not load the snapshot: ${said}`,
    'The snapshot is as it was. Compare the recipe with the VM that was saved.',
    { where: { path: memoryFile }, ...detail, cause: error },
  );
}
