/** Descriptors that no Node object owns, and how a system call that failed is told. Linux, 64-bit. */
import koffi from 'koffi';

/** A system call that failed, with the errno's name (`EAGAIN`) as `code`, like Node's own. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${String(errno)}`;
    super(`${call}: ${code}`);
    this.code = code;
  }
}

/** The result of a call through koffi; throws what errno says of a negative one. */
export function checked(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, koffi.errno());
  return result;
}

const libc = koffi.load('libc.so.6');
const close = libc.func('int close(int fd)') as (fd: number) => number;
const renameat2 = libc.func(
  'int renameat2(int fromDir, const char *from, int toDir, const char *to, unsigned int flags)',
);

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;

/** Closes a descriptor that no Node object owns. */
export function closeFd(fd: number): void {
  checked('close', close(fd));
}

/**
 * renameat2 with RENAME_NOREPLACE, on a thread of its own: `EEXIST` when the new name is taken, `EINVAL` or `ENOSYS` where the
 * file system does not know that flag (NFS, 9p, some FUSE ones).
 */
export function renameFlagged(from: string, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    renameat2.async(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE, (error: unknown, result: number) => {
      if (error instanceof Error) reject(error);
      else if (result < 0) reject(new SystemError('renameat2', koffi.errno()));
      else resolve();
    });
  });
}
