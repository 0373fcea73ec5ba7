/** Phase "sealing": manifest, final name, folders flushed. */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DigestsRef, Manifest } from '@shared/contracts/library';
import type { FlushPolicy, SaveTimings } from '@shared/contracts/saves';
import type { SavedCheck } from '@shared/contracts/worker';
import { renameNoReplace } from '../../qemu/libc';
import { syncPath, writeNew } from '../durable';
import { byteCount } from '@shared/bytes/units';
import { DIGEST_BYTES } from '@shared/contracts/channels';
import { encodeDigests, type BlockDigests } from '@shared/mapped-ram/digests-file';
import { DIGESTS_FILE, MANIFEST_FILE, manifestText, SCREEN_FILE } from '../manifest';
import { nextFree } from '../names';
import { OWNER_FILE } from '../owner';
import { exists } from '../paths';
import type { SaveContext } from './context';
import type { Written } from './engine';
import type { Moment } from './moment';
import type { SaveWorker } from './save-worker';
import { couldNotWrite, type Target } from './target';

/** The step from which on a cancel comes too late: the snapshot is there, durable if it is to be. */
export const SEALED = 'saved, tidying up';

/** What the earlier phases found out. */
export interface Sealable {
  readonly target: Target;
  readonly directIo: boolean;
  readonly flush: FlushPolicy;
  readonly written: Written;
  readonly moment: Moment;
  /** Whether there is a `screen.png`. */
  readonly hasScreen: boolean;
  readonly check: SavedCheck;
  readonly memoryFileBytes: number;
  readonly timings: () => SaveTimings;
}

/**
 * Writes the manifest and gives the folder its name, never over anything: a name that was taken meanwhile gets a number.
 * Answers the snapshot's folder. Until the last flush has returned a cancel still takes the snapshot out of the library.
 */
export async function seal(context: SaveContext, worker: SaveWorker, found: Sealable): Promise<string> {
  const { job, folder, destination } = context;
  const durable = found.flush !== 'none';
  try {
    await job.enter('sealing', 'writing the manifest');
    const digests = await writeDigests(folder, found.written.digests, durable);
    await writeNew(join(folder, MANIFEST_FILE), manifestText(manifestOf(context, found, digests)), durable);
    if (durable && found.hasScreen) await syncPath(join(folder, SCREEN_FILE));
    if (durable) await worker.run((api) => api.syncFolder(folder));
    await job.enter('sealing', 'naming the snapshot');
    await unlink(join(folder, OWNER_FILE));
    const sealed = await giveName(context);
    const takeBack = context.undo.push('taking the snapshot out of the library', () => renameNoReplace(sealed, folder));
    await job.enter('sealing', 'flushing the folder');
    if (durable) await worker.run((api) => api.syncFolder(destination.parent));
    job.throwIfCancelled();
    job.update({ step: SEALED });
    takeBack.drop();
    found.target.removal.drop();
    return sealed;
  } catch (cause) {
    job.throwIfCancelled();
    throw couldNotWrite(cause, folder);
  }
}

/** Writes `digests.bin`, unless no digests were taken. */
async function writeDigests(
  folder: string,
  blocks: readonly BlockDigests[],
  durable: boolean,
): Promise<DigestsRef | null> {
  if (blocks.length === 0) return null;
  const bytes = encodeDigests({ unitBytes: byteCount(DIGEST_BYTES), blocks });
  await writeNew(join(folder, DIGESTS_FILE), bytes, durable);
  return { algorithm: 'xxh3-64', unitBytes: DIGEST_BYTES, file: DIGESTS_FILE };
}

async function giveName({ job, folder, destination }: SaveContext): Promise<string> {
  const taken = new Set<string>();
  for (;;) {
    const name = nextFree(job.now().name, (candidate) => taken.has(candidate));
    const path = join(destination.parent, name);
    try {
      await renameNoReplace(folder, path);
    } catch (error) {
      if (!(await exists(path))) throw error;
      taken.add(name);
      continue;
    }
    if (taken.size > 0) {
      job.notice(`The name was taken meanwhile: the snapshot is called ${name}.`);
      job.rename(name);
    }
    return path;
  }
}

function manifestOf(
  { job, options, engine, vm, wasRunning }: SaveContext,
  found: Sealable,
  digests: DigestsRef | null,
): Manifest {
  const { facts, machine } = vm;
  return {
    formatVersion: 1,
    name: job.now().name,
    note: options.note,
    machineName: machine.name,
    recipe: machine.recipe,
    qemuVersion: facts.qemuVersion,
    machineType: facts.machineType,
    accelerator: facts.accelerator,
    cpuModel: facts.cpuModel,
    cpus: facts.cpus,
    memoryBytes: facts.memoryBytes,
    savedAt: new Date().toISOString(),
    wasRunning,
    engine,
    digests,
    mode: options.mode,
    finishedPaused: found.written.finishedPaused,
    channels: options.channels,
    directIo: found.directIo,
    durable: found.flush !== 'none',
    bytesWritten: found.written.bytes,
    pagesWritten: found.written.pages,
    timings: found.timings(),
    memoryFileBytes: found.memoryFileBytes,
    blocks: found.check.report.ramBlocks.flatMap(({ name, usedLength, pageSize, pagesTotal, pagesPresent }) =>
      pageSize === null || pagesTotal === null || pagesPresent === null
        ? []
        : [{ name, usedLength, pageSize, pagesTotal, pagesPresent }],
    ),
    ramMap: found.moment.ramMap,
    disks: found.moment.disks,
  };
}
