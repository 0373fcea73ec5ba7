/** System calls that node:fs lacks, through koffi. 64-bit Linux with glibc. */
import { fail } from '@shared/contracts/failure';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const SYNC_FILE_RANGE_WRITE = 2;
/** WAIT_BEFORE | WRITE | WAIT_AFTER: write the range back and wait for it. */
const SYNC_FILE_RANGE_FLAGS = 1 | SYNC_FILE_RANGE_WRITE | 4;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const MADV_HUGEPAGE = 14;
const RUSAGE_THREAD = 1;
/** _IOWR('f', 11, struct fiemap) */
const FS_IOC_FIEMAP = 0xc020660b;

type Call = (...args: readonly (number | bigint | Uint8Array)[]) => number | bigint;

const lseek = libc.func('int64_t lseek(int fd, int64_t offset, int whence)') as Call;
const syncFileRange: { async: (...args: readonly unknown[]) => void } = libc.func(
  'int sync_file_range(int fd, int64_t offset, int64_t count, unsigned int flags)',
);
const startSyncFileRange = syncFileRange as unknown as Call;
const fallocate = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as Call;
const madvise = libc.func('int madvise(void *address, size_t length, int advice)') as Call;
const getrusage = libc.func('int getrusage(int who, void *usage)') as Call;
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)') as Call;
const usleep = libc.func('int usleep(unsigned int microseconds)') as Call;

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

/** An error as node:fs throws them: `code` is the name of the errno. */
function systemError(call: string, errno: number): Error {
  const code = errnoName(errno);
  return Object.assign(new Error(`${call} failed: ${code}`), { code });
}

/** fallocate with its flags; false where the file system does not know how. Throws like node:fs otherwise. */
function fallocateWith(mode: number, fd: number, offset: number, length: number): boolean {
  for (;;) {
    if (Number(fallocate(fd, mode, offset, length)) === 0) return true;
    const errno = koffi.errno();
    if (errno === koffi.os.errno.EOPNOTSUPP || errno === koffi.os.errno.ENOSYS) return false;
    if (errno !== koffi.os.errno.EINTR) throw systemError('fallocate', errno);
  }
}

/** Gives a stretch blocks on the disk; the file grows to hold it. False where the file system cannot. */
export const allocateRange = (fd: number, offset: number, length: number): boolean =>
  fallocateWith(0, fd, offset, length);

/** Makes a hole of a stretch, which then reads as zeros; the file's length stays. False where the file system cannot. */
export const punchRange = (fd: number, offset: number, length: number): boolean =>
  fallocateWith(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, fd, offset, length);

/**
 * Starts writing a range back to its disk and does not wait for the writes; it waits only where the disk's queue is full.
 * What goes wrong is left to the flush that follows: it reports the same error.
 */
export function startWriteBack(fd: number, offset: number, length: number): void {
  startSyncFileRange(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

/** FS_IOC_FIEMAP with a struct fiemap and room for its extents; false where the file system does not tell. */
export function fiemapIoctl(fd: number, request: Uint8Array): boolean {
  for (;;) {
    if (Number(ioctl(fd, FS_IOC_FIEMAP, request)) >= 0) return true;
    if (koffi.errno() !== koffi.os.errno.EINTR) return false;
  }
}

/** Where a view stands in this process's address space. */
export const addressOf = (view: Uint8Array): bigint => koffi.address(view);

/** Asks for huge pages behind a view that was not touched yet. False when the kernel has none. */
export const adviseHugePages = (view: Uint8Array): boolean => Number(madvise(view, view.length, MADV_HUGEPAGE)) === 0;

const usage = Buffer.alloc(144);

/** CPU time that the calling thread has used so far, user and system, in milliseconds. */
export function threadCpuMs(): number {
  getrusage(RUSAGE_THREAD, usage);
  const seconds = Number(usage.readBigInt64LE(0) + usage.readBigInt64LE(16));
  const microseconds = Number(usage.readBigInt64LE(8) + usage.readBigInt64LE(24));
  return seconds * 1000 + microseconds / 1000;
}

/** Holds the calling thread for a while. */
export const nap = (milliseconds: number): void => void usleep(milliseconds * 1000);

function errnoName(errno: number): string {
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}
