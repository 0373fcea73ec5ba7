/** One search by several workers: units go out to whoever is free, hits come back in the order of the guest. */
import type { SearchApi, SearchHit, SearchPlan, UnitHits } from '../contracts/search';
import { MAX_UNIT_HITS } from '../contracts/search';

/** Calls that each worker has waiting, so that it never waits for us. */
const CALLS_EACH = 2;
/** Units that may be done ahead of the one whose turn it is, for each worker: bounds what is kept. */
const AHEAD_EACH = 8;

export interface SearchStep {
  /** In the order of the guest, behind those of the step before. */
  readonly hits: readonly SearchHit[];
  /** Bytes searched so far. */
  readonly searchedBytes: number;
}

export interface SearchDriveOptions {
  /** Stop behind this many hits. */
  readonly most: number;
  /** Whether matches may not lie over one another (regular expressions). */
  readonly apart: boolean;
  /** Asked before every call. */
  readonly cancelled?: () => boolean;
}

/** Only what is called here, of a worker that has the search open. */
export type Searcher = Pick<SearchApi, 'searchUnit'>;

/**
 * Runs a search that is open, with the same request, in every one of `workers`. Ends when all is searched, when `most` hits
 * were handed out, or when it is cancelled. What is pending in the workers is waited for in each case. Rejects with the first
 * failure of a worker.
 */
export async function* driveSearch(
  workers: readonly Searcher[],
  plan: SearchPlan,
  options: SearchDriveOptions,
): AsyncGenerator<SearchStep> {
  const pending = new Map<number, Promise<UnitHits>>();
  const who = new Map<number, Searcher>();
  const load = new Map<Searcher, number>(workers.map((worker) => [worker, 0]));
  let issued = 0;
  let [searchedBytes, found] = [0, 0];
  let stopped = false;
  let lastEnd: { readonly block: string; readonly end: number } | null = null;

  const ask = (worker: Searcher, unit: number, from: number | null): Promise<UnitHits> => {
    load.set(worker, (load.get(worker) ?? 0) + 1);
    const most = Math.min(MAX_UNIT_HITS, options.most);
    const call = worker.searchUnit(unit, from, most).finally(() => {
      load.set(worker, (load.get(worker) ?? 1) - 1);
      if (!stopped) issue();
    });
    // Whoever takes its turn gets the failure; until then it is no unhandled one.
    call.catch(() => undefined);
    return call;
  };
  let turn = 0;
  const issue = (): void => {
    for (;;) {
      const free = workers.find((worker) => (load.get(worker) ?? 0) < CALLS_EACH);
      if (free === undefined || issued >= plan.units || issued >= turn + AHEAD_EACH * workers.length) return;
      if (options.cancelled?.() === true) return;
      const unit = issued++;
      who.set(unit, free);
      pending.set(unit, ask(free, unit, null));
    }
  };

  try {
    for (; turn < plan.units && found < options.most; turn++) {
      issue();
      if (options.cancelled?.() === true) return;
      const worker = who.get(turn);
      const first = pending.get(turn);
      if (worker === undefined || first === undefined) return;
      let answer = await first;
      const carried = lastEnd !== null && lastEnd.block === answer.block ? lastEnd.end : 0;
      const overlapping: boolean =
        options.apart && answer.hits[0] !== undefined && answer.hits[0].blockOffset < carried;
      // A match of the unit before reaches into this one: what follows it is to be found from its end on.
      if (overlapping) answer = await ask(worker, turn, carried);
      for (;;) {
        const hits = answer.hits.slice(0, options.most - found);
        found += hits.length;
        searchedBytes += answer.bytes;
        if (answer.end !== null) lastEnd = { block: answer.block, end: answer.end };
        yield { hits, searchedBytes };
        if (answer.next === null || found >= options.most || options.cancelled?.() === true) break;
        answer = await ask(worker, turn, answer.next);
      }
      pending.delete(turn);
      who.delete(turn);
    }
  } finally {
    stopped = true;
    await Promise.allSettled(pending.values());
  }
}
