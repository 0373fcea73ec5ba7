/** A pipe of this process, with both ends as handles. Linux. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import koffi from 'koffi';
import { checked, closeFd } from './system-call';

const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
/** What an ordinary user may have (/proc/sys/fs/pipe-max-size). The default of 64 KiB costs a writer 16 times the waits. */
const WANTED_BYTES = 1024 * 1024;

const libc = koffi.load('libc.so.6');
const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)') as (fds: Int32Array, flags: number) => number;
const fcntl = libc.func('int fcntl(int fd, int command, int value)') as (
  fd: number,
  command: number,
  value: number,
) => number;

export interface Pipe {
  /**
   * The end to read from. Lent through the registry, a worker opens it anew as `/proc/PID/fd/N`; it comes to its end when no
   * write end is open any more, here or in another process.
   */
  readonly read: FileHandle;
  /** The end to write to; once it was handed on, it has to be closed here, or the reader never comes to an end. */
  readonly write: FileHandle;
  /** Bytes that fit in it. */
  readonly capacity: number;
  /** Closes both ends. May be called again, and after either was closed. */
  close(): Promise<void>;
}

/** Makes a pipe of 1 MiB, or as much as this user may have. Throws a `SystemError` when there are too many files open. */
export async function openPipe(): Promise<Pipe> {
  const fds = new Int32Array(2);
  checked('pipe2', pipe2(fds, O_CLOEXEC));
  const [readFd = -1, writeFd = -1] = fds;
  let read: FileHandle | null = null;
  try {
    const capacity = enlarge(writeFd);
    // Opening an end by its descriptor makes another description of the same pipe, owned by a handle. Neither waits: both
    // ends are open already.
    read = await open(`/proc/self/fd/${String(readFd)}`, constants.O_RDONLY);
    const reader = read;
    const write = await open(`/proc/self/fd/${String(writeFd)}`, constants.O_WRONLY);
    const close = async (): Promise<void> => {
      await Promise.all([reader.close(), write.close()]);
    };
    return { read: reader, write, capacity, close };
  } catch (error) {
    await read?.close();
    throw error;
  } finally {
    closeFd(readFd);
    closeFd(writeFd);
  }
}

/** Answers the pipe's size in bytes; one that may not grow (EPERM: the user has too many pipes) stays as it was. */
function enlarge(fd: number): number {
  const grown = fcntl(fd, F_SETPIPE_SZ, WANTED_BYTES);
  return grown > 0 ? grown : checked('fcntl', fcntl(fd, F_GETPIPE_SZ, 0));
}
