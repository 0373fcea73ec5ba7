/** The unfinished snapshot folder and its memory file, open as QEMU needs it. */
import { constants } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '@shared/contracts/failure';
import { MEMORY_FILE } from '../manifest';
import { writeOwner, type Owner } from '../owner';
import type { UndoStack, UndoStep } from './undo';

export interface Target {
  readonly folder: string;
  readonly memoryFile: string;
  readonly buffered: FileHandle;
  /** The second open file description, with O_DIRECT; null when the save is buffered. */
  readonly direct: FileHandle | null;
  /** Why it is buffered although direct I/O was asked for; null when it is as asked. */
  readonly refusedDirectIo: string | null;
  /** Removes the folder, unless dropped. */
  readonly removal: UndoStep;
}

const DOING = 'making the unfinished snapshot';

/**
 * Makes the folder and opens `memory.mapped` in it: O_WRONLY exactly, since QEMU compares access modes, and twice for
 * direct I/O, since QEMU wants one description with O_DIRECT and one without (fdset rules, migration/file.c).
 */
export async function makeTarget(
  folder: string,
  about: Pick<Owner, 'machineName' | 'snapshotName' | 'startedAt'>,
  directIo: boolean,
  undo: UndoStack,
): Promise<Target> {
  try {
    await mkdir(folder, { mode: 0o700 });
    const memoryFile = join(folder, MEMORY_FILE);
    const removal = undo.push('removing the unfinished snapshot', async () => {
      await discard(memoryFile);
      await rm(folder, { recursive: true, force: true });
    });
    await writeOwner(folder, about);
    const buffered = await open(memoryFile, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    undo.push('closing the memory file', () => close(buffered));
    const { direct, refused } = directIo ? await openDirect(memoryFile) : { direct: null, refused: null };
    if (direct !== null) undo.push('closing the memory file', () => close(direct));
    return { folder, memoryFile, buffered, direct, refusedDirectIo: refused, removal };
  } catch (cause) {
    throw couldNotWrite(cause, folder);
  }
}

/**
 * Gives up what was written and waits until the disk has let go of it: gigabytes that are still on their way to the disk
 * would hold up whatever is flushed next, by anybody. A file that was never made, or a disk that fails, is removed all the same.
 */
async function discard(memoryFile: string): Promise<void> {
  try {
    const handle = await open(memoryFile, constants.O_WRONLY);
    try {
      await handle.truncate(0);
      await handle.datasync();
    } finally {
      await close(handle);
    }
  } catch {
    // The removal that follows says what is wrong, if it fails too.
  }
}

/** Closing twice is fine: whoever takes a handle over closes it earlier. */
const close = (handle: FileHandle): Promise<void> => handle.close().catch(() => undefined);

async function openDirect(
  path: string,
): Promise<{ readonly direct: FileHandle | null; readonly refused: string | null }> {
  try {
    return { direct: await open(path, constants.O_WRONLY | constants.O_DIRECT), refused: null };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return {
      direct: null,
      refused: 'This file system refuses direct I/O. Saving buffered; expect more page cache in use.',
    };
  }
}

/** A failed file operation in the snapshot folder as a failure that says what to do. */
export function couldNotWrite(cause: unknown, path: string): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return fail('file.no-space', DOING, 'The file system is full', 'Free some space or save to another folder.', {
      where: { path },
      cause,
    });
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return fail('file.no-access', DOING, 'The snapshot cannot be written there', 'Choose another folder.', {
      where: { path },
      cause,
    });
  return code === undefined && cause instanceof Error
    ? cause
    : fail('file.io', DOING, 'Writing the snapshot failed', 'Look at the disk, or save to another folder.', {
        where: { path },
        cause,
      });
}
