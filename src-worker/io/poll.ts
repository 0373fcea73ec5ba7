/** Waiting on pipes for a moment, through koffi: what node:fs has no call for. Linux, 64-bit. */
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

const POLLIN = 1;
const POLLOUT = 4;
const F_SETPIPE_SZ = 1031;
/** The most that a user without privileges may ask for (/proc/sys/fs/pipe-max-size). */
const PIPE_BYTES = 1024 * 1024;

const poll = libc.func('int poll(void *fds, unsigned long count, int milliseconds)') as (
  fds: Uint8Array,
  count: number,
  milliseconds: number,
) => number;
const fcntl = libc.func('int fcntl(int fd, int command, long argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;

/** `struct pollfd` for one descriptor. */
function wait(fd: number, events: number, milliseconds: number): boolean {
  const one = Buffer.alloc(8);
  one.writeInt32LE(fd, 0);
  one.writeInt16LE(events, 4);
  return poll(one, 1, milliseconds) > 0;
}

/**
 * Blocks this thread until there is something to read, or the other side is gone, for at most so long. True: a read will not
 * wait. An interrupted wait is one that found nothing.
 */
export const waitToRead = (fd: number, milliseconds: number): boolean => wait(fd, POLLIN, milliseconds);

/** The same for writing. */
export const waitToWrite = (fd: number, milliseconds: number): boolean => wait(fd, POLLOUT, milliseconds);

/** Lets a pipe hold 1 MiB where that is allowed: fewer, longer reads and writes on both its ends. */
export function widenPipe(fd: number): void {
  fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}
