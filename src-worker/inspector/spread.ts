/** How full cells of a stretch of a file are: of bytes on disk, and of present pages. */
import { fileOffset } from '@shared/bytes/units';
import { DataRuns } from '../io/data-runs';
import type { FileSource } from '../io/lease';
import { takingTurns, type Turn } from '../io/turns';
import type { InspectorRegion } from './regions';

/** Runs of data that are counted; of a file with more, the cells behind them are sampled at so many places each. */
const MOST_RUNS = 2 ** 19;
const SAMPLES = 16;
const FULL = 255;

/** Cells of equal size over [from, to). */
export interface Cells {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Where a cell begins, in whole bytes. */
const edge = ({ from, to, count }: Cells, cell: number): number => from + Math.floor((cell * (to - from)) / count);

/** The share as 0 … 255: 0 and 255 only for nothing and for all of it. */
function shade(share: number, all: number): number {
  if (share <= 0) return 0;
  return share >= all ? FULL : Math.min(FULL - 1, Math.max(1, Math.round((share / all) * FULL)));
}

/** Bytes on disk by cell. The work is bounded, however many extents there are. */
export async function allocatedIn(source: FileSource, cells: Cells, mostRuns = MOST_RUNS): Promise<Uint8Array> {
  const turn = takingTurns();
  const data = new Float64Array(cells.count);
  const runs = new DataRuns(source.fd);
  let [at, counted, cell] = [cells.from, 0, 0];
  while (at < cells.to && counted < mostRuns) {
    await turn();
    const slice = runs.next(at, cells.to);
    for (let run = 0; run < slice.runs.length; run += 2) {
      let start = slice.runs[run] ?? 0;
      const end = slice.runs[run + 1] ?? 0;
      while (edge(cells, cell + 1) <= start) cell += 1;
      for (; start < end; start = edge(cells, cell + 1)) {
        if (edge(cells, cell + 1) <= start) cell += 1;
        data[cell] = (data[cell] ?? 0) + Math.min(end, edge(cells, cell + 1)) - start;
      }
    }
    counted += slice.runs.length / 2;
    at = slice.end;
  }
  const shades = Uint8Array.from(data, (share, index) => shade(share, edge(cells, index + 1) - edge(cells, index)));
  if (at < cells.to) await sample(source, cells, at, shades, turn);
  return shades;
}

/** Cells that were not counted to their ends: by what is at places in them. There is some of each kind, as far as is known. */
async function sample(source: FileSource, cells: Cells, from: number, shades: Uint8Array, turn: Turn): Promise<void> {
  for (let cell = 0; cell < cells.count; cell += 1) {
    const [start, end] = [edge(cells, cell), edge(cells, cell + 1)];
    if (end <= from) continue;
    let hits = 0;
    for (let place = 0; place < SAMPLES; place += 1) {
      await turn();
      const extent = await source.extentAt(fileOffset(start + Math.floor(((place + 0.5) * (end - start)) / SAMPLES)));
      if (extent?.kind === 'data') hits += 1;
    }
    shades[cell] = Math.min(FULL - 1, Math.max(1, Math.round((hits / SAMPLES) * FULL)));
  }
}

/** Present pages by cell, of a stretch within a block's pages; a page counts in every cell that it reaches into. */
export async function presentIn(region: InspectorRegion, cells: Cells): Promise<Uint8Array> {
  const { bits, pagesOffset, pageSize, pagesTotal } = region;
  const shades = new Uint8Array(cells.count);
  const turn = takingTurns();
  for (let cell = 0; cell < cells.count; cell += 1) {
    await turn();
    const first = Math.floor((edge(cells, cell) - pagesOffset) / pageSize);
    const end = Math.min(pagesTotal, Math.max(first + 1, Math.ceil((edge(cells, cell + 1) - pagesOffset) / pageSize)));
    shades[cell] = shade(await bits.count(first, end), end - first);
  }
  return shades;
}
