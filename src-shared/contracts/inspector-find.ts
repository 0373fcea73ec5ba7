/**
 * Searching the guest's memory from an inspector, over the inspector's own port. Implemented by src-worker/inspector: the
 * worker that serves the inspector has threads of its own for it, so that it goes on answering.
 */
import type { MethodNames } from './endpoint';
import type { BlockRange, SearchHit, SearchWhat } from './search';

/** Most hits of one search that are handed out. */
export const MAX_FOUND = 10_000;

export interface FindBegun {
  /** Bytes of present pages that will be searched. */
  readonly bytes: number;
}

export interface FoundStep {
  /** In the order of the guest, behind those of the step before. */
  readonly hits: readonly SearchHit[];
  /** Bytes searched so far. */
  readonly searchedBytes: number;
  /** Nothing follows: all is searched, or MAX_FOUND hits were handed out, or another search was begun. */
  readonly done: boolean;
  /** Whether it ended at MAX_FOUND. */
  readonly more: boolean;
}

export interface InspectorFindApi {
  /**
   * Begins a search in place of the one under way. `ranges` null: all blocks. Rejects with `usage` for what cannot be searched
   * for, with its reason; `format.unsupported` for a file whose pages have no fixed place.
   */
  beginFind(what: SearchWhat, ranges: readonly BlockRange[] | null): Promise<FindBegun>;
  /** What was found since the last call. Answers as soon as there is something to show, at the latest after about 200 ms. */
  nextFound(): Promise<FoundStep>;
  /** Ends the search under way, if any. */
  endFind(): Promise<void>;
}

export const inspectorFindMethods: MethodNames<InspectorFindApi> = {
  beginFind: true,
  nextFound: true,
  endFind: true,
};
