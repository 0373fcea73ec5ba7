/** Phase "writing": QEMU writes the file, Stillframe watches. */
import { fail, failureOf, type StillframeError } from '@shared/contracts/failure';
import type { Qmp } from '../../services';
import { isAtRest, queryMigration, settled, type Migration } from '../migration';
import { freeBytes } from '../paths';
import { unlessAborted } from '../../time/time-limit';
import type { SaveContext } from './context';
import { Convergence } from './convergence';
import { endMigration } from './end-migration';
import type { Written } from './engine';
import type { GuestClock } from './guest-clock';
import { PassMeter } from './pass-meter';
import type { NativePrepared } from './prepare';
import type { Target } from './target';
import { pushResume, stopGuest } from './still-guest';
import { forbidEndSpurt } from './vm-settings';

const POLL_MS = 120;
const FREE_SPACE_EVERY_MS = 1000;
/** QEMU ends a migration when the writes under way return; a hanging file system keeps it longer than this. */
const SETTLE_LIMIT_MS = 60_000;
/** Free space below this explains why QEMU could not write, whatever it says. */
const FULL_BYTES = 4 * 1024 * 1024;

const DOING = 'saving the VM';

/**
 * Stops the guest if it is to be saved paused, starts the migration and returns when QEMU has written everything. On
 * failure and cancel the undo stack ends the migration and lets a guest that ran run again.
 */
export async function writeNative(context: SaveContext, prepared: NativePrepared, clock: GuestClock): Promise<Written> {
  const { job, vm, undo, wasRunning, options } = context;
  await job.enter('writing', 'starting');
  const resume = pushResume(context);
  if (options.mode === 'paused' && wasRunning) await stopGuest(vm.qmp);
  const end = undo.push('ending the migration', () => endMigration(vm.qmp, vm.parameters));
  await vm.qmp.execute('migrate', { uri: `file:/dev/fdset/${String(prepared.fdset)}` });
  await job.enter('writing', 'writing');
  const { ended, finishedPaused } = await watchMigration(context, prepared.target, clock, job.signal);
  if (ended.status !== 'completed') throw await whyFailed(ended, context.folder);
  await settled(vm.qmp, SETTLE_LIMIT_MS).catch((error: unknown) => {
    // Everything is in the file: a QEMU that ends now takes nothing with it.
    if (failureOf(error, DOING).code !== 'qemu.gone') throw error;
  });
  end.drop();
  return {
    bytes: ended.ram?.transferred ?? 0,
    pages: ended.ram?.normal ?? 0,
    finishedPaused,
    resume,
    moment: null,
    digests: [],
  };
}

/**
 * Follows a migration until it is over, finishes a live one paused that gets nowhere, and shows it in the job. Answers how it
 * ended, and why it was finished paused.
 */
export async function watchMigration(
  { job, vm, options, folder }: SaveContext,
  target: Target,
  clock: GuestClock,
  signal: AbortSignal,
): Promise<{ readonly ended: Migration; readonly finishedPaused: string | null }> {
  const meter = new PassMeter();
  const convergence = new Convergence(options.liveLimitSeconds);
  const start = performance.now();
  const bell = new Bell(vm.qmp);
  let finishedPaused: string | null = null;
  let freeAskedAt = start;
  try {
    for (;;) {
      const migration = await queryMigration(vm.qmp);
      const at = performance.now() - start;
      if (migration.ram !== undefined) {
        const { blocks } = await target.buffered.stat();
        job.update({ ...meter.push(at, migration.ram, !clock.running), fileBytesOnDisk: blocks * 512 });
        if (clock.running && finishedPaused === null && !isAtRest(migration)) {
          finishedPaused = convergence.push(at, migration.ram['dirty-sync-count'], migration.ram.remaining);
          if (finishedPaused !== null) {
            job.update({ finishingPaused: finishedPaused });
            await stopGuest(vm.qmp);
            await forbidEndSpurt(vm.qmp);
          }
        }
      }
      if (isAtRest(migration)) return { ended: migration, finishedPaused };
      if (performance.now() - freeAskedAt > FREE_SPACE_EVERY_MS) {
        freeAskedAt = performance.now();
        job.update({ freeBytes: await freeBytes(folder) });
      }
      await unlessAborted(signal, bell.next(POLL_MS));
    }
  } finally {
    bell.dispose();
  }
}

const OVER: ReadonlySet<unknown> = new Set(['completed', 'failed', 'cancelled']);

/** Wakes up early when QEMU says that its migration got on: a short save is over before the first poll. */
class Bell {
  #ring: () => void = () => undefined;
  #rung = false;
  readonly #stopListening: () => void;

  constructor(qmp: Qmp) {
    this.#stopListening = qmp.onEvent(({ event, data }) => {
      const over = event === 'MIGRATION' && OVER.has(data['status']);
      if (!over && event !== 'MIGRATION_PASS') return;
      this.#rung = true;
      this.#ring();
    });
  }

  /** Resolves after `milliseconds`, or at once when something happened since the last call. */
  async next(milliseconds: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#ring = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rung = false;
  }

  dispose(): void {
    this.#stopListening();
    this.#ring();
  }
}

/** QEMU's reason for a migration that did not complete, or the one behind it: a full file system. */
export async function whyFailed(migration: Migration, folder: string): Promise<StillframeError> {
  const said = migration['error-desc']?.replace(/\.+$/, '');
  const detail = said === undefined ? {} : { detail: said };
  if (/no space left|quota/i.test(said ?? '') || (await freeBytes(folder).catch(() => Infinity)) < FULL_BYTES)
    return fileSystemFull(folder, detail);
  if (migration.status === 'cancelled')
    return fail('save.failed', DOING, "Somebody else cancelled QEMU's migration", 'Save again.');
  return fail('save.failed', DOING, said ?? `QEMU says only that its migration ${migration.status}`, 'Save again.', {
    where: { path: folder },
    ...detail,
  });
}

/** What failed for want of space, where there is none left; null where there is, or where the failure tells by itself. */
export async function whyNoRoom(error: unknown, folder: string): Promise<StillframeError | null> {
  const { code, what } = failureOf(error, DOING);
  if (code !== 'save.failed') return null;
  return (await freeBytes(folder).catch(() => Infinity)) < FULL_BYTES ? fileSystemFull(folder, { detail: what }) : null;
}

/** The failure for a file system that filled up while the snapshot was written. */
export function fileSystemFull(folder: string, more: { readonly detail?: string } = {}): StillframeError {
  return fail('file.no-space', DOING, 'The file system is full', 'Free some space or save to another folder.', {
    where: { path: folder },
    ...more,
  });
}
