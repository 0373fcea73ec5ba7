/** System calls that node:fs lacks, through koffi. 64-bit Linux with glibc. */
import { fail } from '@shared/contracts/failure';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** WAIT_BEFORE | WRITE | WAIT_AFTER: write the range back and wait for it. */
const SYNC_FILE_RANGE_FLAGS = 1 | 2 | 4;

type Call = (...args: readonly (number | bigint)[]) => number | bigint;

const lseek = libc.func('int64_t lseek(int fd, int64_t offset, int whence)') as Call;
const syncFileRange: { async: (...args: readonly unknown[]) => void } = libc.func(
  'int sync_file_range(int fd, int64_t offset, int64_t count, unsigned int flags)',
);

/** lseek; null where it finds nothing before the end of the file, `otherwise()` where the file cannot tell. */
function seek(fd: number, offset: number, whence: number, otherwise: () => number | null): number | null {
  const found = Number(lseek(fd, offset, whence));
  if (found >= 0) return found;
  const errno = koffi.errno();
  if (errno === koffi.os.errno.ENXIO) return null;
  if (errno === koffi.os.errno.EINVAL) return otherwise();
  const what = `lseek failed: ${errnoName(errno)}`;
  throw fail('file.io', 'asking where the file has bytes', what, 'Check the disk and its mount.');
}

/** Length of a file or block device. */
export const seekEnd = (fd: number): number => seek(fd, 0, SEEK_END, () => null) ?? 0;

/** Where data begins at or behind `offset`; null when none does before the end. A block device has data everywhere. */
export const seekData = (fd: number, offset: number): number | null => seek(fd, offset, SEEK_DATA, () => offset);

/** Where a hole begins at or behind `offset`, every file having one at its end; null at or past the end. */
export const seekHole = (fd: number, offset: number): number | null =>
  seek(fd, offset, SEEK_HOLE, () => {
    const end = seekEnd(fd);
    return offset < end ? end : null;
  });

/**
 * Writes a range of a file back to its disk and waits, on a thread of koffi's pool: the event loop stays free.
 * File system metadata is not flushed by this: `fdatasync` has to follow. Rejects with `file.io` or `file.no-space`.
 */
export function writeBackRange(fd: number, offset: number, length: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown, result: number): void => {
      // koffi hands the pool thread's errno over to this callback.
      if (error === null && result === 0) resolve();
      else reject(writeBackFailure(error, koffi.errno()));
    };
    syncFileRange.async(fd, offset, length, SYNC_FILE_RANGE_FLAGS, done);
  });
}

function writeBackFailure(error: unknown, errno: number): Error {
  const full = errno === koffi.os.errno.ENOSPC || errno === koffi.os.errno.EDQUOT;
  const name = errnoName(errno);
  return fail(
    full ? 'file.no-space' : 'file.io',
    'writing the file back to its disk',
    `sync_file_range failed: ${name}`,
    full ? 'Make room on the disk and save again.' : 'Check the disk (dmesg) and save again.',
    { cause: error ?? undefined },
  );
}

function errnoName(errno: number): string {
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}
