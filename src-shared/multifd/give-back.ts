/**
 * What a finished save gives back to the disk: stretches of the file that take room, or still have old bytes, though their
 * pages are zero. The file may take at most `pages present + Σ(bitmap + 1 MiB) + 4 MiB`.
 *
 * Measured on ext4: making one hole takes 60–100 µs, however long it is (with the `discard` mount option each costs the
 * journal more later); zeros for one page through the page cache take 4 µs and 8 µs to flush.
 */
import type { Stretches } from '../contracts/ram-files';

/** Pages of one block: runs as first page and the page behind the last, in turn, ascending and not touching. */
export interface UnusedSpace {
  /** Where its page 0 is in the file, in bytes. */
  readonly pagesOffset: number;
  readonly pageSize: number;
  /** Pages that take room and are zero: allocated and not written, filled with zeros, or stale. */
  readonly unused: readonly number[];
  /** Those of them that were present and have old bytes: they must come to read as zeros. */
  readonly stale: readonly number[];
}

export interface GiveBack {
  /** Stretches of the file to make holes of. */
  readonly punch: Stretches;
  /** Stretches to write zeros over: they were present once, and are too short to be worth a hole each. */
  readonly zero: Stretches;
  /** Bytes of pages never present that keep their room. */
  readonly kept: number;
}

/** Stale stretches shorter than this are zeroed. A hole of this length costs less than writing it. */
const SHORT = 64 * 1024;
/** What pages that were never present may keep, of the 4 MiB that a file has for everything but pages and bitmaps. */
export const MAY_KEEP = 2 * 1024 * 1024;

interface Candidate {
  readonly start: number;
  readonly end: number;
  /** Its stale parts, as stretches of the file. */
  readonly stale: Stretches;
}

/**
 * The fewest holes with which at most `mayKeep` bytes that were never present keep their room and nothing stale is left:
 * every long stretch with stale pages in it, then the longest of the others until what is left may stay. Page numbers and
 * offsets are whole numbers below 2^53.
 */
export function giveBack(blocks: readonly UnusedSpace[], mayKeep: number = MAY_KEEP): GiveBack {
  const punched: Candidate[] = [];
  const zero: number[] = [];
  const optional: Candidate[] = [];
  let kept = 0;
  for (const one of blocks.flatMap(candidatesOf)) {
    const length = one.end - one.start;
    if (one.stale.length > 0 && length >= SHORT) {
      punched.push(one);
      continue;
    }
    zero.push(...one.stale);
    kept += length - total(one.stale);
    if (one.stale.length === 0) optional.push(one);
  }
  optional.sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);
  for (const one of optional) {
    if (kept <= mayKeep) break;
    punched.push(one);
    kept -= one.end - one.start;
  }
  punched.sort((a, b) => a.start - b.start);
  return { punch: punched.flatMap(({ start, end }) => [start, end]), zero, kept };
}

/** Each run of unused pages as a stretch of the file, with the stale ones in it. */
function candidatesOf({ pagesOffset, pageSize, unused, stale }: UnusedSpace): readonly Candidate[] {
  const place = (page: number): number => pagesOffset + page * pageSize;
  const found: Candidate[] = [];
  let next = 0;
  for (let at = 0; at + 1 < unused.length; at += 2) {
    const [first = 0, end = 0] = unused.slice(at, at + 2);
    const inside: number[] = [];
    for (; next + 1 < stale.length && (stale[next] ?? 0) < end; next += 2) {
      inside.push(place(stale[next] ?? 0), place(stale[next + 1] ?? 0));
    }
    found.push({ start: place(first), end: place(end), stale: inside });
  }
  return found;
}

function total(stretches: Stretches): number {
  let sum = 0;
  for (let at = 0; at + 1 < stretches.length; at += 2) sum += (stretches[at + 1] ?? 0) - (stretches[at] ?? 0);
  return sum;
}
