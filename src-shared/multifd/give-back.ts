/**
 * What becomes of pages that a save wrote and that are zero at its end: old bytes must not stay under a clear bit, where
 * whoever maps the file would see them.
 *
 * Nothing else has to be given back. A channel writes present pages and nothing between them, and makes room for exactly
 * what it writes next. Room made for whole stretches beforehand, or gaps filled for longer writes, would have to become holes
 * again: measured on ext4, a hole takes 60–100 µs however short it is, and with the `discard` mount option more when the
 * journal is written; every second page of 256 MiB took 2–3 s.
 */
import type { Stretches } from '../contracts/ram-files';

/** Stale pages of one block: runs as first page and the page behind the last, in turn, ascending and not touching. */
export interface StalePages {
  /** Where its page 0 is in the file, in bytes. */
  readonly pagesOffset: number;
  readonly pageSize: number;
  readonly stale: readonly number[];
}

export interface GiveBack {
  /** Stretches of the file to make holes of. */
  readonly punch: Stretches;
  /** Stretches to write zeros over. */
  readonly zero: Stretches;
}

/** From this length on a hole is cheaper than zeros: those take 4 µs a page through the page cache, and 8 µs to flush. */
const WORTH_A_HOLE = 64 * 1024;

/**
 * Holes for long runs, which give their room back, and zeros over short ones, which keep theirs: they were present once, and
 * a file may take as much room as all pages that ever were. Page numbers and offsets are whole numbers below 2^53.
 */
export function giveBack(blocks: readonly StalePages[]): GiveBack {
  const punch: number[] = [];
  const zero: number[] = [];
  for (const { pagesOffset, pageSize, stale } of blocks) {
    for (let at = 0; at + 1 < stale.length; at += 2) {
      const [first = 0, end = 0] = stale.slice(at, at + 2);
      const into = (end - first) * pageSize >= WORTH_A_HOLE ? punch : zero;
      into.push(pagesOffset + first * pageSize, pagesOffset + end * pageSize);
    }
  }
  return { punch, zero };
}
