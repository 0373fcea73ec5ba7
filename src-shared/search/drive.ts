/** One search by several workers: units go out to whoever is free, hits come back in the order of the guest. */
import type { SearchApi, SearchHit, SearchPlan } from '../contracts/search';
import { MAX_UNIT_HITS } from '../contracts/search';
import { inTurn } from '../parallel/in-turn';

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
  /** Asked between calls. */
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
  { most, apart, cancelled = () => false }: SearchDriveOptions,
): AsyncGenerator<SearchStep> {
  const mostEach = Math.min(MAX_UNIT_HITS, most);
  let [searchedBytes, found] = [0, 0];
  let last: { readonly block: string; readonly end: number } | null = null;
  const turns = inTurn(workers, plan.units, (worker, unit) => worker.searchUnit(unit, null, mostEach), cancelled);
  for await (const { unit, worker, answer: first } of turns) {
    let answer = first;
    const carried: number = last !== null && last.block === answer.block ? last.end : 0;
    const [hit] = answer.hits;
    // A match of the unit before reaches into this one: what follows it is to be found from its end on.
    if (apart && hit !== undefined && hit.blockOffset < carried)
      answer = await worker.searchUnit(unit, carried, mostEach);
    for (;;) {
      const hits = answer.hits.slice(0, most - found);
      found += hits.length;
      searchedBytes += answer.bytes;
      if (answer.end !== null) last = { block: answer.block, end: answer.end };
      yield { hits, searchedBytes };
      if (found >= most || cancelled()) return;
      if (answer.next === null) break;
      answer = await worker.searchUnit(unit, answer.next, mostEach);
    }
  }
}
