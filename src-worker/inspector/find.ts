/** Searching for an inspector: see `InspectorFindApi`. */
import { MAX_FOUND, type FindBegun, type FoundStep, type InspectorFindApi } from '@shared/contracts/inspector-find';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange } from '@shared/contracts/library';
import type { SearchHit, SearchWhat } from '@shared/contracts/search';
import { driveSearch, type SearchStep } from '@shared/search/drive';
import { readNeedle } from '@shared/search/needle';
import { checkedRanges, isRecord, oneOf, refusedArgument } from './check-ranges';
import { Stepped, type SteppedPart } from './stepped';
import type { InspectorThreads } from './threads';

/** Hits of one step, or a few more. */
const STEP_HITS = 500;
const DOING = 'searching';

export interface InspectorFind {
  readonly api: InspectorFindApi;
  /** Ends the search under way. */
  dispose(): void;
}

/**
 * Makes the search for one file. `ramMap`: from the snapshot's manifest.
 */
export function createInspectorFind(
  lease: Lease,
  ramMap: readonly RamRange[],
  threads: Pick<InspectorThreads, 'apis'>,
): InspectorFind {
  const stepped = new Stepped<SearchHit>(MAX_FOUND, STEP_HITS);

  const api: InspectorFindApi = {
    async beginFind(given, ranges): Promise<FindBegun> {
      const what = checkedWhat(given);
      const request = { what, ranges: checkedRanges(ranges, DOING) };
      const apart = readNeedle(what).kind === 'regex';
      return stepped.begin(async (cancelled) => {
        const workers = threads.apis();
        const [plan] = await Promise.all(workers.map((worker) => worker.openSearch(lease, request, ramMap)));
        if (plan === undefined) throw new RangeError('no thread searches');
        const parts = found(driveSearch(workers, plan, { most: MAX_FOUND, apart, cancelled }));
        return { parts, answer: { bytes: plan.bytes } };
      });
    },

    async nextFound(): Promise<FoundStep> {
      const { found: hits, ...rest } = await stepped.next();
      return { hits, ...rest };
    },

    endFind: () => stepped.end(),
  };

  return { api, dispose: () => void stepped.end() };
}

async function* found(steps: AsyncGenerator<SearchStep>): AsyncGenerator<SteppedPart<SearchHit>> {
  for await (const { hits, searchedBytes } of steps) yield { found: hits, searchedBytes };
}

/** Comes from the page: everything is looked at. What it says is judged by `readNeedle`. */
function checkedWhat(given: SearchWhat): SearchWhat {
  const value: unknown = given;
  if (!isRecord(value)) throw refusedArgument(DOING, 'what', 'an object');
  const text = (name: string): string => {
    const found = value[name];
    if (typeof found === 'string') return found;
    throw refusedArgument(DOING, name, 'a text');
  };
  const flag = (name: string): boolean => value[name] === true;
  switch (value['kind']) {
    case 'text':
      return {
        kind: 'text',
        text: text('text'),
        encoding: oneOf(ENCODINGS, value['encoding'], DOING),
        ignoreCase: flag('ignoreCase'),
      };
    case 'hex':
      return { kind: 'hex', hex: text('hex') };
    case 'regex':
      return { kind: 'regex', pattern: text('pattern'), ignoreCase: flag('ignoreCase') };
    case 'int':
      return {
        kind: 'int',
        value: text('value'),
        width: value['width'] === null ? null : oneOf(WIDTHS, value['width'], DOING),
        endian: oneOf(ENDIANS, value['endian'], DOING),
      };
    default:
      throw refusedArgument(DOING, 'kind', 'text, hex, regex or int');
  }
}

const ENCODINGS = ['utf8', 'utf16le', 'utf16be'] as const;
const WIDTHS = [1, 2, 4, 8] as const;
const ENDIANS = ['little', 'big'] as const;
