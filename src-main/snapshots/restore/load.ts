/** Starting a QEMU that waits for its memory, and loading the file into it. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fail, failureOf, StillframeError } from '@shared/contracts/failure';
import type { Machine, Recipe } from '@shared/contracts/machines';
import { parseRamBlocks } from '../../qemu/ram-map';
import type { MachineService, Qmp } from '../../services';
import {
  capabilityChanges,
  isAtRest,
  parameterChanges,
  queryCapabilities,
  queryMigration,
  queryParameters,
  setCapabilities,
  setParameters,
  settled,
} from '../migration';
import { pause } from '../time-limit';

/** Far from the small numbers a recipe's own `-add-fd` would use. */
const FDSET = 1_000_000;
/** The first descriptor a child inherits after stdin, stdout and stderr. */
const FIRST_INHERITED = 3;
const SMALL_BLOCK_BYTES = 1024 * 1024;
const SETTLE_LIMIT_MS = 60_000;
const DOING = 'restoring the VM';

export interface LoadPlan {
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
 * file, which was only ever open for reading, is as it was.
 */
export async function load(
  machines: MachineService,
  plan: LoadPlan,
): Promise<{ readonly machine: Machine; readonly loadingMs: number }> {
  const handles = await openToLoad(plan);
  let started;
  try {
    const extraArgv = handles.flatMap((_, index) => [
      '-add-fd',
      `fd=${String(FIRST_INHERITED + index)},set=${String(FDSET)},opaque=stillframe`,
    ]);
    const inherit = handles.map(({ fd }) => fd);
    started = await machines.launchIncoming({ recipe: plan.recipe, inherit, extraArgv });
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
  try {
    const begun = performance.now();
    await loadInto(started.qmp, plan, handles.length > 1);
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
  const buffered = await open(memoryFile, constants.O_RDONLY);
  if (mappedRam === null) return [buffered];
  try {
    return [buffered, await open(memoryFile, constants.O_RDONLY | constants.O_DIRECT)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return [buffered];
    await buffered.close();
    throw error;
  }
}

async function loadInto(qmp: Qmp, plan: LoadPlan, directIo: boolean): Promise<void> {
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
  await untilLoaded(qmp);
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

async function untilLoaded(qmp: Qmp): Promise<void> {
  for (let wait = 5; ; wait = Math.min(wait * 2, 100)) {
    const migration = await queryMigration(qmp);
    if (migration.status === 'completed') return;
    // 'none' is what QEMU says until its listener has taken the file up.
    if (isAtRest(migration) && migration.status !== 'none')
      throw fail('restore.failed', DOING, migration['error-desc'] ?? `QEMU says that its load ${migration.status}`, '');
    await pause(wait);
  }
}

/** A QEMU that could not load ends by itself; the last of its words come with its end. */
async function stderrOf(process: { stderr(): Promise<string>; readonly ended: Promise<unknown> }): Promise<string> {
  await Promise.race([process.ended, pause(500)]);
  return process.stderr();
}

function loadFailure(error: unknown, memoryFile: string, stderr: string): StillframeError {
  if (error instanceof StillframeError && error.failure.code === 'restore.failed' && stderr === '') return error;
  const lines = stderr.trim().split('\n');
  const said =
    lines
      .at(-1)
      ?.replace(/^\S*qemu\S*: /, '')
      .replace(/\.+$/, '') ?? '';
  const cause = failureOf(error, DOING);
  return fail(
    'restore.failed',
    DOING,
    said === '' ? cause.what : `QEMU could not load the snapshot: ${said}`,
    'The snapshot is as it was. Compare the recipe with the VM that was saved.',
    { where: { path: memoryFile }, detail: stderr, cause: error },
  );
}
