import koffi from 'koffi';

const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const firstAfterStdio = 3;
const lastPossible = 0xffff_ffff;

let closeRange: ((number: number, first: number, last: number, flags: number) => number) | null = null;

/**
 * Marks every open descriptor of this process, but 0 to 2, to be closed in programs that it starts from now on; what is
 * handed to a child on purpose is not affected. To be called before a VM is started: Chromium leaves some of its sockets,
 * and what its own parent left to it, open for children. A VM outlives us and would keep their other ends waiting (measured
 * in Electron 33: a dozen sockets and pipes in QEMU, so that whoever started the app waited until the VM ended).
 *
 * False when the kernel cannot do it (Linux before 5.11); the children then hold what they held before.
 */
export function keepFilesFromChildren(): boolean {
  closeRange ??= koffi.load('libc.so.6').func('long syscall(long number, long first, long last, long flags)') as (
    number: number,
    first: number,
    last: number,
    flags: number,
  ) => number;
  return closeRange(SYS_CLOSE_RANGE, firstAfterStdio, lastPossible, CLOSE_RANGE_CLOEXEC) === 0;
}
