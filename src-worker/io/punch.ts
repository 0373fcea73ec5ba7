/** Holes in files, through koffi. Linux, 64-bit. */
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;

const fallocate = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number;

/** Gives a stretch of a file back to its file system, so that it reads as zeros. False where that cannot be done. */
export const punchHole = (fd: number, offset: number, length: number): boolean =>
  fallocate(fd, PUNCH_HOLE | KEEP_SIZE, offset, length) === 0;
