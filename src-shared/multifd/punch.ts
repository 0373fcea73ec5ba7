/** Which parts of a written file are to be zeros before its bitmap is written. */
import type { FileOffset } from '../bytes/units';
import type { Stretches } from '../contracts/ram-files';
import type { PageSet } from './page-set';

/** Room that is not used is given back from this length on: a hole in what is on the disk costs a millisecond or two. */
const WORTHWHILE_BYTES = 1024 * 1024;

/**
 * Stretches of the file for `RamFilesApi.punch`, of a block whose pages begin at `pagesOffset`: all that hold old bytes, and
 * the long ones that take up room though their pages are zero.
 */
export function stretchesToPunch(pages: PageSet, pagesOffset: FileOffset): Stretches {
  const unused = pages.unused(Math.ceil(WORTHWHILE_BYTES / pages.pageSize));
  return merged(pages.stale(), unused).map((page) => pagesOffset + page * pages.pageSize);
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
