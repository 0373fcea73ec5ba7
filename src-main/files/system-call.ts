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

const close = koffi.load('libc.so.6').func('int close(int fd)') as (fd: number) => number;

/** Closes a descriptor that no Node object owns. */
export function closeFd(fd: number): void {
  checked('close', close(fd));
}
