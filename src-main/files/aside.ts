/** A large file that is made beside its place and gets its name only when it is whole and on stable storage. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, type StillframeError } from '@shared/contracts/failure';
import { openFailure } from './registry';
import { renameFlagged, SystemError } from './system-call';

/** How an unfinished file's name ends. What has it is nobody's, once the command that made it has ended. */
export const UNFINISHED_SUFFIX = '.stillframe-unfinished';
/** Most bytes of a file's name that its unfinished form keeps: names have at most 255. */
const KEPT_BYTES = 150;

export interface Aside {
  readonly handle: FileHandle;
  /** Its name until it is published. */
  readonly path: string;
  /** Gives it its name, never over anything: `file.exists` when the name was taken meanwhile. The folder is not flushed. */
  publish(): Promise<void>;
  /** Removes it, unless it was published. */
  discard(): Promise<void>;
}

/** `file.exists` when something has this name, be it a broken link. */
export async function refuseTaken(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found !== null) throw taken(path);
}

const taken = (path: string): StillframeError =>
  fail('file.exists', 'making a file', 'there is something of this name already', 'Choose another name.', {
    where: { path },
  });

/** Makes the unfinished form of `path` in the same folder, readable by its owner only. Rejects with `file.*`. */
export async function openAside(path: string): Promise<Aside> {
  const unfinished = join(dirname(path), `${prefixOf(path)}${randomBytes(6).toString('hex')}${UNFINISHED_SUFFIX}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  const handle = await open(unfinished, flags, 0o600).catch((cause: unknown) => {
    throw couldNotMake(path, cause);
  });
  let published = false;
  return {
    handle,
    path: unfinished,
    publish: async () => {
      await giveName(unfinished, path).catch((cause: unknown) => {
        if (codeOf(cause) === 'EEXIST') throw taken(path);
        throw couldNotMake(path, cause);
      });
      published = true;
    },
    discard: async () => {
      if (!published) await unlink(unfinished).catch(() => undefined);
    },
  };
}

function prefixOf(path: string): string {
  let kept = basename(path);
  while (Buffer.byteLength(kept) > KEPT_BYTES) kept = Array.from(kept).slice(0, -1).join('');
  return `.${kept}.`;
}

/** renameat2 with RENAME_NOREPLACE; a hard link where the file system does not know the flag. */
async function giveName(from: string, to: string): Promise<void> {
  try {
    await renameFlagged(from, to);
  } catch (error) {
    const unknownFlag = error instanceof SystemError && (error.code === 'EINVAL' || error.code === 'ENOSYS');
    if (!unknownFlag) throw error;
    await link(from, to);
    await unlink(from);
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

function couldNotMake(path: string, cause: unknown): StillframeError {
  switch (codeOf(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return fail('file.no-space', 'making a file', 'the disk is full', 'Make room and try again.', {
        where: { path },
        cause,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return fail('file.no-access', 'making a file', 'you may not write into its folder', 'Choose another folder.', {
        where: { path },
        cause,
      });
    default:
      return openFailure(path, cause);
  }
}
