/** Places in an open file, for the location bar and the file map: see `InspectorPlacesApi`. */
import { fail } from '@shared/contracts/failure';
import { MAX_SPREAD_CELLS, type InspectorPlacesApi } from '@shared/contracts/inspector-places';
import type { InspectorService } from './service';
import { allocatedIn, presentIn } from './spread';

/** CPUs have numbers below this. */
const MOST_CPUS = 65_536;

export function createInspectorPlaces({ opened }: Pick<InspectorService, 'opened'>): InspectorPlacesApi {
  return {
    cpus: async () => (await opened()).places?.cpus() ?? [],
    placeOf: async (offset, cpu) => {
      const { file, places } = await opened();
      if (!isWhole(offset) || offset >= file.size) throw refusal('offset', 'an offset in the file');
      if (!isWhole(cpu) || cpu >= MOST_CPUS) throw refusal('cpu', 'the number of a CPU');
      if (places === null)
        throw fail('format.not-a-stream', 'looking for a place', 'this file has no pages', 'Open a save file.');
      return places.placeOf(offset, cpu);
    },
    spread: async (from, to, cells) => {
      const { file, source, regions } = await opened();
      if (!isWhole(from) || !isWhole(to) || from >= to || to > file.size)
        throw refusal('from and to', 'a stretch of the file');
      if (!isWhole(cells) || cells < 1 || cells > MAX_SPREAD_CELLS) throw refusal('cells', `1 … ${MAX_SPREAD_CELLS}`);
      const range = { from, to, count: Math.min(cells, to - from) };
      const region = regions.find(
        ({ pagesOffset, pagesTotal, pageSize }) => from >= pagesOffset && to <= pagesOffset + pagesTotal * pageSize,
      );
      return {
        allocated: await allocatedIn(source, range),
        present: region === undefined ? null : await presentIn(region, range),
      };
    },
  };
}

const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const refusal = (name: string, must: string): Error =>
  fail('usage', 'asking the inspector', `${name} must be ${must}`, 'Report this.');
