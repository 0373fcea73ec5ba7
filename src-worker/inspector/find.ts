/** Searching for an inspector: see `InspectorFindApi`. */
import { fail } from '@shared/contracts/failure';
import { MAX_FOUND, type FindBegun, type FoundStep, type InspectorFindApi } from '@shared/contracts/inspector-find';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange } from '@shared/contracts/library';
import type { BlockRange, SearchHit, SearchWhat } from '@shared/contracts/search';
import { driveSearch, type SearchStep } from '@shared/search/drive';
import { readNeedle } from '@shared/search/needle';
import type { InspectorThreads } from './threads';

/** A step is answered with so many hits, or after so long. */
const STEP_HITS = 500;
const STEP_MS = 200;

export interface InspectorFind {
  readonly api: InspectorFindApi;
  /** Ends the search under way. */
  dispose(): void;
}

/** What is under way. */
interface Running {
  readonly steps: AsyncGenerator<SearchStep>;
  cancelled: boolean;
  found: number;
  searchedBytes: number;
}

/**
 * Makes the search for one file. `ramMap`: from the snapshot's manifest.
 */
export function createInspectorFind(
  lease: Lease,
  ramMap: readonly RamRange[],
  threads: Pick<InspectorThreads, 'apis'>,
): InspectorFind {
  let running: Running | null = null;

  const end = async (): Promise<void> => {
    const ending = running;
    running = null;
    if (ending === null) return;
    ending.cancelled = true;
    await ending.steps.return(undefined).catch(() => undefined);
  };

  const api: InspectorFindApi = {
    async beginFind(given, ranges): Promise<FindBegun> {
      await end();
      const what = checkedWhat(given);
      const request = { what, ranges: ranges === null ? null : checkedRanges(ranges) };
      const apart = readNeedle(what).kind === 'regex';
      const workers = threads.apis();
      const [plan] = await Promise.all(workers.map((worker) => worker.openSearch(lease, request, ramMap)));
      if (plan === undefined) throw new RangeError('no thread searches');
      const next: Running = {
        steps: driveSearch(workers, plan, { most: MAX_FOUND, apart, cancelled: () => next.cancelled }),
        cancelled: false,
        found: 0,
        searchedBytes: 0,
      };
      running = next;
      return { bytes: plan.bytes };
    },

    async nextFound(): Promise<FoundStep> {
      const asked = running;
      const until = performance.now() + STEP_MS;
      const hits: SearchHit[] = [];
      let done = asked === null;
      while (asked !== null && !done && hits.length < STEP_HITS && performance.now() < until) {
        const step = await asked.steps.next();
        if (step.done === true) done = true;
        else {
          hits.push(...step.value.hits);
          asked.found += step.value.hits.length;
          asked.searchedBytes = step.value.searchedBytes;
        }
      }
      const found = asked?.found ?? 0;
      return { hits, searchedBytes: asked?.searchedBytes ?? 0, done, more: done && found >= MAX_FOUND };
    },

    endFind: end,
  };

  return {
    api,
    dispose: () => void end(),
  };
}

/** Comes from the page: everything is looked at. What it says is judged by `readNeedle`. */
function checkedWhat(given: SearchWhat): SearchWhat {
  const value: unknown = given;
  if (!isRecord(value)) throw refusal('what', 'an object');
  const text = (name: string): string => {
    const found = value[name];
    if (typeof found === 'string') return found;
    throw refusal(name, 'a text');
  };
  const flag = (name: string): boolean => value[name] === true;
  switch (value['kind']) {
    case 'text':
      return {
        kind: 'text',
        text: text('text'),
        encoding: oneOf(ENCODINGS, value['encoding']),
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
        width: value['width'] === null ? null : oneOf(WIDTHS, value['width']),
        endian: oneOf(ENDIANS, value['endian']),
      };
    default:
      throw refusal('kind', 'text, hex, regex or int');
  }
}

const ENCODINGS = ['utf8', 'utf16le', 'utf16be'] as const;
const WIDTHS = [1, 2, 4, 8] as const;
const ENDIANS = ['little', 'big'] as const;

function oneOf<T>(allowed: readonly T[], value: unknown): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw refusal(String(value), `one of ${allowed.join(', ')}`);
}

function checkedRanges(ranges: readonly BlockRange[]): readonly BlockRange[] {
  const values: unknown = ranges;
  if (!Array.isArray(values) || values.length > 4096) throw refusal('ranges', 'a list');
  return values.map((value: unknown): BlockRange => {
    if (!isRecord(value)) throw refusal('ranges', 'a list of ranges');
    const { block, start, end } = value;
    const whole = (number: unknown): number => {
      if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
      throw refusal('a range', 'whole numbers from 0 on');
    };
    if (typeof block !== 'string') throw refusal('block', 'a text');
    return { block, start: whole(start), end: whole(end) };
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const refusal = (name: string, expected: string): Error =>
  fail('worker.refused', 'searching', `${name} has to be ${expected}`, 'Report this; it is a fault in Stillframe.');
