/** Which parts of a written file become holes before its bitmap is written. */
import type { FileOffset } from '../bytes/units';
import type { Stretches } from '../contracts/ram-files';
import type { PageSet } from './page-set';

/**
 * Bytes of zeros that a block may take on the disk. Channels write short gaps between pages with zeros, since one request
 * more costs as much as they do; what is beyond this is given back, the longest first.
 */
const SPARE_BYTES = 2 * 1024 * 1024;

/**
 * Stretches of the file to punch for a block whose pages begin at `pagesOffset`: all that hold old bytes, and as many of
 * those that hold zeros as it takes to leave at most `spareBytes` of them. So the file's size on the disk is bounded by the
 * pages that were ever present.
 */
export function stretchesToPunch(pages: PageSet, pagesOffset: FileOffset, spareBytes = SPARE_BYTES): Stretches {
  const least = shortestToPunch(pages.unused(1), spareBytes / pages.pageSize);
  const spare = least === null ? [] : pages.unused(least);
  return merged(pages.stale(), spare).map((page) => pagesOffset + page * pages.pageSize);
}

/** The length from which on runs are punched, so that no more than `sparePages` are left; null: none has to be. */
function shortestToPunch(runs: readonly number[], sparePages: number): number | null {
  const pagesByLength = new Map<number, number>();
  let left = 0;
  for (let at = 0; at + 1 < runs.length; at += 2) {
    const length = (runs[at + 1] ?? 0) - (runs[at] ?? 0);
    pagesByLength.set(length, (pagesByLength.get(length) ?? 0) + length);
    left += length;
  }
  let shortest: number | null = null;
  for (const [length, pages] of [...pagesByLength].sort(([a], [b]) => b - a)) {
    if (left <= sparePages) break;
    shortest = length;
    left -= pages;
  }
  return shortest;
}

/** Two ascending lists of runs (first and behind the last in turn) as one, in which none touch. */
function merged(some: readonly number[], more: readonly number[]): number[] {
  const result: number[] = [];
  let [a, b] = [0, 0];
  while (a < some.length || b < more.length) {
    const takeSome = b >= more.length || (a < some.length && (some[a] ?? 0) <= (more[b] ?? 0));
    const list = takeSome ? some : more;
    const at = takeSome ? a : b;
    const [first, end] = [list[at] ?? 0, list[at + 1] ?? 0];
    const lastEnd = result.at(-1);
    if (lastEnd !== undefined && first <= lastEnd) result[result.length - 1] = Math.max(lastEnd, end);
    else result.push(first, end);
    if (takeSome) a += 2;
    else b += 2;
  }
  return result;
}
