/** What an inspector knows of every page: see `InspectorPagesApi`. */
import { fail, type StillframeError } from '@shared/contracts/failure';
import {
  MAX_OVERVIEW_CELLS,
  MAX_PAGES,
  type InspectorPagesApi,
  type PageScan,
} from '@shared/contracts/inspector-pages';
import type { Lease } from '@shared/contracts/lease';
import type { InspectorThreads } from '../threads';
import type { BlockFacts } from './block-facts';
import { DOING, KnownFile } from './known-file';
import { createScans } from './scans';

/** Longest name of a block: the format has a length byte. */
const MOST_NAME = 255;

export interface InspectorPages {
  readonly api: InspectorPagesApi;
  /** Gives pages of a block the flag `changed`: runs of first page and number of pages. Rejects as `pages` does. */
  setChanged(block: string, ranges: Iterable<readonly [page: number, count: number]>): Promise<void>;
  /** No page is changed any more. */
  clearChanged(): Promise<void>;
  /** Stops the scans and closes the file. */
  dispose(): Promise<void>;
}

/** The file is opened at the first call. `digests`: of the snapshot's digests, where it has any. */
export function createInspectorPages(
  lease: Lease,
  digests: Lease | null,
  threads: Pick<InspectorThreads, 'apis'>,
): InspectorPages {
  let opening: Promise<KnownFile> | null = null;
  const file = (): Promise<KnownFile> => {
    opening ??= KnownFile.open(lease);
    return opening;
  };
  const scans = createScans({ lease, digests, file, threads });

  /** Whoever asks for pages wants to know of lost and stale ones, too; the answer does not wait for it. */
  const block = async (name: unknown): Promise<BlockFacts> => {
    const facts = await (await file()).block(blockName(name));
    scans.begin('allocation');
    return facts;
  };

  const api: InspectorPagesApi = {
    async pages(name, first, count) {
      return (await block(name)).facts(whole(first, 'first'), atMost(count, MAX_PAGES, 'count'));
    },
    async overview(name, first, count, cells) {
      const [from, pages] = [whole(first, 'first'), whole(count, 'count')];
      if (atMost(cells, MAX_OVERVIEW_CELLS, 'cells') === 0) throw refusal('cells', `1 … ${MAX_OVERVIEW_CELLS}`);
      return (await block(name)).overview(from, pages, cells);
    },
    async totals(name, first, count) {
      return (await block(name)).totals(whole(first, 'first'), whole(count, 'count'));
    },
    async nextPage(name, from, direction, set, clear) {
      if (direction !== 1 && direction !== -1) throw refusal('direction', '1 or -1');
      const flags = [atMost(set, 0xff, 'set'), atMost(clear, 0xff, 'clear')] as const;
      return (await block(name)).next(whole(from, 'from'), direction, ...flags);
    },
    async beginScan(scan) {
      return scans.begin(scanName(scan));
    },
    async endScan(scan) {
      return scans.end(scanName(scan));
    },
    scans: () => scans.next(),
  };

  return {
    api,
    async setChanged(name, ranges) {
      const facts = await (await file()).block(name);
      for (const [page, count] of ranges) facts.mark('changed', page, page + count);
    },
    async clearChanged() {
      for (const facts of await (await file()).blocks()) facts.forget('changed');
    },
    async dispose() {
      await scans.dispose();
      const open = await opening?.catch(() => null);
      await open?.close();
    },
  };
}

// --- arguments: they come from another process ---------------------------------------------------------------------

function refusal(name: string, must: string): StillframeError {
  return fail('usage', DOING, `${name} must be ${must}`, 'Report this.');
}

function whole(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw refusal(name, '0 … 2^53 − 1');
  return value;
}

function atMost(value: unknown, most: number, name: string): number {
  if (whole(value, name) > most) throw refusal(name, `at most ${most}`);
  return whole(value, name);
}

function blockName(value: unknown): string {
  if (typeof value === 'string' && value.length <= MOST_NAME) return value;
  throw refusal('block', 'the name of a block');
}

const SCANS: readonly PageScan[] = ['allocation', 'digests', 'duplicates', 'classes'];

function scanName(value: unknown): PageScan {
  const found = SCANS.find((scan) => scan === value);
  if (found !== undefined) return found;
  throw refusal('scan', `one of ${SCANS.join(', ')}`);
}
