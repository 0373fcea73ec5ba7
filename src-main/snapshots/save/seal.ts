/** Phase "sealing": manifest, final name, folders flushed. */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@shared/contracts/library';
import type { SaveTimings } from '@shared/contracts/saves';
import type { SavedCheck } from '@shared/contracts/worker';
import { renameNoReplace } from '../../qemu/libc';
import { syncPath, writeNew } from '../durable';
import { MANIFEST_FILE, manifestText, SCREEN_FILE } from '../manifest';
import { nextFree } from '../names';
import { OWNER_FILE } from '../owner';
import { exists } from '../paths';
import type { SaveContext } from './context';
import type { Moment } from './moment';
import type { SaveWorker } from './save-worker';
import { couldNotWrite, type Target } from './target';
import type { Written } from './write';

/** What the earlier phases found out. */
export interface Sealable {
  readonly target: Target;
  readonly directIo: boolean;
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
  const { job, options, folder, destination } = context;
  const durable = options.flush !== 'none';
  try {
    await job.enter('sealing', 'writing the manifest');
    await writeNew(join(folder, MANIFEST_FILE), manifestText(manifestOf(context, found)), durable);
    if (durable && found.hasScreen) await syncPath(join(folder, SCREEN_FILE));
    if (durable) await worker.run((api) => api.syncFolder(folder));
    await job.enter('sealing', 'naming the snapshot');
    await unlink(join(folder, OWNER_FILE));
    const sealed = await giveName(context);
    const takeBack = context.undo.push('taking the snapshot out of the library', () => renameNoReplace(sealed, folder));
    await job.enter('sealing', 'flushing the folder');
    if (durable) await worker.run((api) => api.syncFolder(destination.parent));
    job.throwIfCancelled();
    takeBack.drop();
    found.target.removal.drop();
    return sealed;
  } catch (cause) {
    job.throwIfCancelled();
    throw couldNotWrite(cause, folder);
  }
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

function manifestOf({ job, options, vm, wasRunning }: SaveContext, found: Sealable): Manifest {
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
    engine: 'native',
    digests: null,
    mode: options.mode,
    finishedPaused: found.written.finishedPaused,
    channels: options.channels,
    directIo: found.directIo,
    durable: options.flush !== 'none',
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
