/** What the benches of the inspector share: their arguments, and files in or out of the page cache. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BenchArguments {
  readonly gib: number;
  readonly rounds: number;
  /** Files are evicted from the page cache before every run; otherwise they are in it. */
  readonly cold: boolean;
  /** Where the files are made, and left for the next run; null: in a folder that is removed. */
  readonly folder: string | null;
}

/** `[GiB] [rounds] [--cold] [--folder DIR]` */
export function benchArguments(
  words: readonly string[],
  usual: { readonly gib: number; readonly rounds: number },
): BenchArguments {
  const at = words.indexOf('--folder');
  const folder = at < 0 ? null : (words[at + 1] ?? null);
  const [gib, rounds] = words
    .filter((word, index) => /^[\d.]+$/.test(word) && (at < 0 || index !== at + 1))
    .map(Number);
  return { gib: gib ?? usual.gib, rounds: rounds ?? usual.rounds, cold: words.includes('--cold'), folder };
}

/** Throws a file's clean pages out of the page cache (dd's `nocache` is posix_fadvise, DONTNEED). */
export async function evict(path: string): Promise<void> {
  await run('sync', [path]);
  await run('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/** Reads a file once, so that it is in the page cache where memory allows. */
export async function fillCache(path: string): Promise<void> {
  await run('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M', 'status=none']);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
