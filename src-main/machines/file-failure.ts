import { fail, type FailureCode, type StillframeError } from '@shared/contracts/failure';

const KNOWN: Readonly<Record<string, readonly [code: FailureCode, what: string, todo: string]>> = {
  ENOSPC: ['file.no-space', 'There is no space left', 'Make room on this file system.'],
  EDQUOT: ['file.no-space', 'This user’s quota is used up', 'Make room on this file system.'],
  EACCES: ['file.no-access', 'This user may not write here', 'Check the owner and mode of the folder.'],
  EPERM: ['file.no-access', 'This user may not write here', 'Check the owner and mode of the folder.'],
  EROFS: ['file.no-access', 'This file system is read-only', 'Use a folder that can be written to.'],
};

/** An error of node:fs about one of the small files kept of machines, as a person should read it. */
export function fileFailure(error: unknown, doing: string, path: string): StillframeError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [failureCode, what, todo] = KNOWN[code] ?? ['file.io', `It failed: ${message}`, 'Check the disk.'];
  return fail(failureCode, doing, what, todo, { where: { path }, cause: error });
}
