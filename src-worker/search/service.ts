/** The search that a worker has open: `SearchApi`. */
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange } from '@shared/contracts/library';
import {
  MAX_UNIT_HITS,
  type SearchApi,
  type SearchPlan,
  type SearchRequest,
  type UnitHits,
} from '@shared/contracts/search';
import { readNeedle, type Needle } from '@shared/search/needle';
import { GuestFile } from '../guest/guest-file';
import { ramMapOf } from '../guest/ram-map';
import { hitOf } from './hits';
import { LiteralSearch } from './literal-search';
import { RegexSearch } from './regex-search';
import { unitRanges } from './ranges';
import { cutIntoUnits, UNIT_BYTES, type Unit, type UnitSearch } from './unit';

const DOING = 'searching';

/** A worker's one search. `unitBytes`: present bytes of a unit. */
export function createSearch(unitBytes: number = UNIT_BYTES): SearchApi & { dispose(): void } {
  let open: OpenSearch | null = null;
  const close = (): void => {
    open?.file.close();
    open = null;
  };
  return {
    async openSearch(lease, request, ramMap) {
      close();
      open = await openSearch(lease, request, ramMap, unitBytes);
      return open.plan;
    },
    async searchUnit(unit, from, most) {
      if (open === null) throw noSearch();
      return searchUnit(open, unit, from, most);
    },
    async closeSearch() {
      close();
    },
    dispose: close,
  };
}

interface OpenSearch {
  readonly file: GuestFile;
  readonly units: readonly Unit[];
  readonly search: UnitSearch;
  readonly map: readonly RamRange[];
  readonly plan: SearchPlan;
}

async function openSearch(
  lease: Lease,
  { what, ranges }: SearchRequest,
  given: readonly RamRange[],
  unitBytes: number,
): Promise<OpenSearch> {
  const needle = readNeedle(what);
  const file = await GuestFile.open(lease, DOING);
  try {
    const units = cutIntoUnits(unitRanges(file, ranges, DOING), unitBytes);
    const { map, source } = ramMapOf(file.snapshot.stream, given);
    const plan = { units: units.length, bytes: units.reduce((sum, unit) => sum + unit.bytes, 0), ramMap: source };
    return { file, units, search: searchFor(file, needle), map, plan };
  } catch (error) {
    file.close();
    throw error;
  }
}

const searchFor = (file: GuestFile, needle: Needle): UnitSearch =>
  needle.kind === 'bytes' ? new LiteralSearch(file, needle.bytes) : new RegexSearch(file, needle.tree);

function searchUnit(
  { file, units, search, map }: OpenSearch,
  index: number,
  from: number | null,
  most: number,
): UnitHits {
  const unit = units[index];
  if (unit === undefined) throw new RangeError(`unit ${index} of ${units.length}`);
  const { block, start, end } = unit;
  const at = from ?? start;
  if (!Number.isSafeInteger(at) || at < start) throw new RangeError(`${at} is not in the unit at ${start}`);
  const limit = Math.max(1, Math.min(MAX_UNIT_HITS, most));
  const { matches, next } = at < end ? search.search(unit, at, limit) : { matches: [], next: null };
  const last = matches.at(-1);
  return {
    hits: matches.map((match) => hitOf(file, block, match, map)),
    bytes: next === null ? unit.bytes : 0,
    next,
    end: last === undefined ? null : last.offset + last.length,
    block: block.name,
    start: at,
  };
}

const noSearch = (): Error =>
  fail('internal', DOING, 'no search is open in this worker', 'Report this; it is a fault in Stillframe.');
