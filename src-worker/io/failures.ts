import { fail, StillframeError, type FailureCode, type Place } from '@shared/contracts/failure';

interface Words {
  readonly code: FailureCode;
  readonly what: string;
  readonly todo: string;
}

const KNOWN: Readonly<Record<string, Words>> = {
  ENOENT: { code: 'file.not-found', what: 'the file is not there', todo: 'Check its name and folder.' },
  EACCES: { code: 'file.no-access', what: 'access is denied', todo: 'Check who may read it.' },
  EPERM: { code: 'file.no-access', what: 'access is denied', todo: 'Check who may read it.' },
  EISDIR: { code: 'file.not-a-file', what: 'it is a folder', todo: 'Choose a file.' },
  ENOTDIR: { code: 'file.not-found', what: 'a part of its path is no folder', todo: 'Check its path.' },
  ENOSPC: { code: 'file.no-space', what: 'the disk is full', todo: 'Make room and try again.' },
  EDQUOT: { code: 'file.no-space', what: 'the quota is used up', todo: 'Make room and try again.' },
};

/** An error of a file operation as `file.*`; one of ours is handed on as it is. */
export function fileFailure(error: unknown, doing: string, where: Place): StillframeError {
  if (error instanceof StillframeError) return error;
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words = KNOWN[errno] ?? {
    code: 'file.io',
    what: error instanceof Error ? error.message : String(error),
    todo: 'Check the disk and its mount.',
  };
  return fail(words.code, doing, words.what, words.todo, { where, cause: error });
}
