/**
 * Ordinary migration streams into a descriptor of ours: the device state alone (`x-ignore-shared`), or the whole VM.
 *
 * The descriptor goes to QEMU over its monitor (`getfd`) and is written by `migrate fd:NAME`, which every QEMU has; `file:`
 * exists from 8.2 on only. QEMU shares the file position of an ordinary file, so nobody else may move it meanwhile. QEMU
 * 10.0.2 warns on stderr that `fd:` of a file is deprecated, and does it.
 */
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { fail, failureOf } from '@shared/contracts/failure';
import type { Qmp } from '../../services';
import { isAtRest, queryMigration, queryRunState, settled, type Migration } from '../migration';
import { pause, unlessAborted } from '../../time/time-limit';
import { endMigration } from './end-migration';
import { isRunning } from './plan';
import type { UndoStack, UndoStep } from './undo';
import { applyStreamSettings, type OwnSettings, type StreamContent } from './vm-settings';

/** QEMU ends a migration when the writes under way return; a hanging file system keeps it longer than this. */
const SETTLE_LIMIT_MS = 60_000;
/** The device state of a paused VM is written in 3 to 6 ms. */
const POLL_MS = 2;
const SLOWEST_POLL_MS = 50;
const DOING = 'writing the device state';

/** What a stream needs to know of the VM. */
export interface StreamVm extends OwnSettings {
  readonly qmp: Qmp;
}

export interface PreparedStream {
  /** What `migrate` has to be told. */
  readonly uri: string;
  /** Takes the descriptor back; to be dropped when `migrate` was accepted, which takes it for itself. */
  readonly handover: UndoStep;
  /** Puts QEMU's settings back; due as soon as QEMU has written. */
  readonly putBack: readonly UndoStep[];
}

/**
 * Makes QEMU ready to write a stream into a descriptor, which may be a pipe: its settings, and a copy of the descriptor. The
 * guest may still run. What was changed is on `undo`; a pipe's write end should be closed here afterwards, since the reader
 * comes to the end only when QEMU's copy is the last.
 */
export async function prepareStream(
  vm: StreamVm,
  content: StreamContent,
  fd: number,
  undo: UndoStack,
): Promise<PreparedStream> {
  const putBack = await applyStreamSettings(vm.qmp, vm, content, undo);
  const fdname = `stillframe-${randomUUID()}`;
  const handover = undo.push('taking the file back from QEMU', () => closeFd(vm.qmp, fdname));
  await vm.qmp.execute('getfd', { fdname }, { fds: [fd] });
  return { uri: `fd:${fdname}`, handover, putBack };
}

/** QEMU does not know the name when `getfd` failed, or when `migrate` was refused after it had looked at the descriptor. */
async function closeFd(qmp: Qmp, fdname: string): Promise<void> {
  await qmp.execute('closefd', { fdname }).catch((error: unknown) => {
    if (failureOf(error, DOING).code !== 'qemu.refused') throw error;
  });
}

/**
 * Writes the stream that was prepared and waits until QEMU has let go of the descriptor. Nobody looks at a guest that runs:
 * it is for short streams of a VM that stands still. Rejects with `save.failed` in QEMU's words, and at once on abort; the
 * migration is then ended by `undo`.
 */
export async function writePrepared(
  vm: StreamVm,
  { uri, handover }: PreparedStream,
  undo: UndoStack,
  signal: AbortSignal,
): Promise<Migration> {
  const end = undo.push('ending the migration', () => endMigration(vm.qmp, vm.parameters));
  signal.throwIfAborted();
  await vm.qmp.execute('migrate', { uri });
  handover.drop();
  const ended = await unlessAborted(signal, untilAtRest(vm.qmp));
  if (ended.status !== 'completed') throw whyFailed(ended);
  await unlessAborted(signal, settled(vm.qmp, SETTLE_LIMIT_MS));
  end.drop();
  return ended;
}

/**
 * Writes the device state of a VM that stands still to an empty file, by `x-ignore-shared`: RAM in shared files is left out,
 * all other blocks (ROMs, video memory, private RAM) carry their pages. Answers the length of the stream in bytes.
 *
 * On success QEMU's settings are back when it resolves; on failure and abort what is left to be put back is on `undo`. The
 * VM is in `postmigrate` afterwards, which only `cont` ends.
 */
export async function captureDeviceState(
  vm: StreamVm,
  file: FileHandle,
  undo: UndoStack,
  signal: AbortSignal,
): Promise<number> {
  const prepared = await prepareStream(vm, { carries: 'devices' }, file.fd, undo);
  if (isRunning(await queryRunState(vm.qmp)))
    throw fail('save.failed', DOING, 'The guest runs, so its memory and its devices would not agree', 'Pause the VM.');
  await writePrepared(vm, prepared, undo, signal);
  for (const step of prepared.putBack) await step.now();
  return (await file.stat()).size;
}

async function untilAtRest(qmp: Qmp): Promise<Migration> {
  for (let wait = POLL_MS; ; wait = Math.min(wait * 1.5, SLOWEST_POLL_MS)) {
    const migration = await queryMigration(qmp);
    if (isAtRest(migration)) return migration;
    await pause(wait);
  }
}

function whyFailed(migration: Migration): Error {
  const said = migration['error-desc']?.replace(/\.+$/, '');
  const cancelled = "Somebody else cancelled QEMU's migration";
  const what = migration.status === 'cancelled' ? cancelled : said;
  return fail('save.failed', DOING, what ?? `QEMU says only that its migration ${migration.status}`, 'Save again.');
}
