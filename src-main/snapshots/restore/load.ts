/** Starting a QEMU that waits for its memory, and bringing the memory in. */
import { fail, failureOf, type StillframeError } from '@shared/contracts/failure';
import type { LoadEngine } from '@shared/contracts/library';
import type { Machine } from '@shared/contracts/machines';
import { complaintIn } from '../../qemu/launch';
import { parseRamBlocks } from '../../qemu/ram-map';
import type { Qmp } from '../../services';
import { pause } from '../../time/time-limit';
import { channelsLoader } from './load-channels';
import { emitLoader } from './load-emit';
import { nativeLoader } from './load-native';
import type { Loader, LoadPlan, LoadRooms, Waiting } from './loader';

const SMALL_BLOCK_BYTES = 1024 * 1024;
/** How long QEMU may neither change the state of its load nor read. */
const STALL_LIMIT_MS = 60_000;
const DOING = 'restoring the VM';

const LOADERS: Readonly<Record<LoadEngine, (rooms: LoadRooms, plan: LoadPlan) => Promise<Loader>>> = {
  native: (_, plan) => nativeLoader(plan),
  channels: channelsLoader,
  emit: emitLoader,
};

/**
 * Loads and answers the machine, running or paused. On failure the process is killed, QEMU's stderr is in `detail`, and the
 * file, which was only ever open for reading, is as it was. A QEMU that does not get on for `stallMs` has failed.
 */
export async function load(
  rooms: LoadRooms,
  plan: LoadPlan,
  stallMs = STALL_LIMIT_MS,
): Promise<{ readonly machine: Machine; readonly loadingMs: number }> {
  const loader = await LOADERS[plan.engine](rooms, plan);
  try {
    const { inherit } = loader;
    const waiting = await rooms.machines.launchIncoming({ recipe: plan.recipe, inherit, extraArgv: [] });
    return await loadInto(waiting, loader, plan, stallMs);
  } finally {
    await loader.release();
  }
}

async function loadInto(
  waiting: Waiting,
  loader: Loader,
  plan: LoadPlan,
  stallMs: number,
): Promise<{ readonly machine: Machine; readonly loadingMs: number }> {
  try {
    const begun = performance.now();
    if (plan.mappedRam !== null) await compareBlocks(waiting.qmp, plan);
    await loader.load(waiting, stallMs);
    const loadingMs = performance.now() - begun;
    if (plan.run) await waiting.qmp.execute('cont');
    return { machine: await waiting.adopt(), loadingMs };
  } catch (error) {
    const stderr = await stderrOf(waiting.process);
    await waiting.abandon();
    throw loadFailure(error, plan.memoryFile, stderr);
  }
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
