import { MAX_SCAN_PAGES, type PageScanApi } from '@shared/contracts/page-scan';
import type { InspectorThreads } from '../threads';
import type { BlockFacts } from './block-facts';
import { countBits, nearestBit } from './bits';

/** Bytes of pages in a window: a thread is through with it in some tens of milliseconds. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** Fewest pages in a window, however large they are (a hostile file). */
const LEAST_PAGES = 64;
/** Calls that each thread has waiting, so that it never waits for the next. */
const CALLS_EACH = 2;

/** Some pages of one block that are looked at in one call. */
export interface PageWindow {
  readonly block: BlockFacts;
  readonly first: number;
  readonly count: number;
  /** Bytes of present pages in it. */
  readonly bytes: number;
}

export const presentBytes = ({ present, pages, pageSize }: BlockFacts): number =>
  countBits(present, null, 0, pages) * pageSize;

/** The windows of some blocks, handed out one after another; those without a present page are left out unless `empty`. */
export class PageWindows {
  readonly #blocks: readonly BlockFacts[];
  readonly #empty: boolean;
  readonly #again: PageWindow[] = [];
  #block = 0;
  #page = 0;

  constructor(blocks: readonly BlockFacts[], options: { readonly empty: boolean } = { empty: false }) {
    this.#blocks = blocks;
    this.#empty = options.empty;
  }

  next(): PageWindow | null {
    const again = this.#again.pop();
    if (again !== undefined) return again;
    for (; this.#block < this.#blocks.length; [this.#block, this.#page] = [this.#block + 1, 0]) {
      const block = this.#blocks[this.#block];
      if (block === undefined) return null;
      const { pages, pageSize, present } = block;
      const size = Math.min(MAX_SCAN_PAGES, Math.max(LEAST_PAGES, Math.floor(WINDOW_BYTES / pageSize)));
      const page = this.#empty ? this.#page : nearestBit({ wanted: [present], unwanted: [], pages }, this.#page, 1);
      if (page === null || page >= pages) continue;
      const first = page - (page % size);
      const count = Math.min(size, pages - first);
      this.#page = first + count;
      return { block, first, count, bytes: countBits(present, null, first, first + count) * pageSize };
    }
    return null;
  }

  /** It was not looked at. */
  giveBack(window: PageWindow): void {
    this.#again.push(window);
  }
}

/** Threads that have the file open for scans. */
export interface ScanThreads {
  open(): Promise<readonly PageScanApi[]>;
}

/** `opened` is asked for each thread once; after a failure, again. */
export function createScanThreads(
  threads: Pick<InspectorThreads, 'apis'>,
  openIn: (thread: PageScanApi) => Promise<void>,
): ScanThreads {
  let opening: Promise<readonly PageScanApi[]> | null = null;
  const openAll = async (): Promise<readonly PageScanApi[]> => {
    const apis = threads.apis();
    await Promise.all(apis.map(openIn));
    return apis;
  };
  return {
    open() {
      opening ??= openAll().catch((error: unknown) => {
        opening = null;
        throw error;
      });
      return opening;
    },
  };
}

/**
 * Has every window looked at by whichever thread is free, and its answer taken, in no order. Rejects with the first failure; the
 * window is looked at again when the work goes on. What is under way is waited for in each case.
 */
export async function throughWindows<A>(
  threads: readonly PageScanApi[],
  windows: PageWindows,
  look: (thread: PageScanApi, window: PageWindow) => Promise<A>,
  take: (window: PageWindow, answer: A) => void,
  stopped: () => boolean,
): Promise<'done' | 'stopped'> {
  let failed: { readonly error: unknown } | null = null;
  let isDone = false;
  const lane = async (thread: PageScanApi): Promise<void> => {
    while (failed === null && !stopped()) {
      const window = windows.next();
      if (window === null) {
        isDone = true;
        return;
      }
      try {
        take(window, await look(thread, window));
      } catch (error) {
        windows.giveBack(window);
        failed ??= { error };
      }
    }
  };
  const lanes = threads.flatMap((thread) => Array.from({ length: CALLS_EACH }, () => lane(thread)));
  await Promise.all(lanes);
  // Set by the lanes, of which the compiler knows nothing.
  const failure = failed as { readonly error: unknown } | null;
  if (failure !== null) throw failure.error;
  return isDone ? 'done' : 'stopped';
}
