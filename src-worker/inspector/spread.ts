/** How full cells of a stretch of a file are: of bytes on disk, and of present pages. */
import type { ByteSource } from '@shared/bytes/source';
import { fileOffset } from '@shared/bytes/units';
import { takingTurns } from '../io/turns';
import type { InspectorRegion } from './regions';

/** Extents of a cell that are counted, and places behind them that are looked at when there are more. */
const COUNTED = 16;
const SAMPLES = 16;
const FULL = 255;

/** Cells of equal size over [from, to): where each begins and ends, in whole bytes. */
export interface Cells {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const edge = ({ from, to, count }: Cells, cell: number): number => from + Math.floor((cell * (to - from)) / count);

/** The share as 0 … 255: 0 and 255 only for nothing and for all of it. */
function shade(share: number, all: number): number {
  if (share <= 0) return 0;
  return share >= all ? FULL : Math.min(FULL - 1, Math.max(1, Math.round((share / all) * FULL)));
}

/**
 * Bytes on disk by cell. The work is bounded by the number of cells, however many extents there are: a cell with more than
 * COUNTED is counted so far, and sampled from there on.
 */
export async function allocatedIn(source: ByteSource, cells: Cells): Promise<Uint8Array> {
  const shades = new Uint8Array(cells.count);
  const turn = takingTurns();
  /** The extent that was found last; often it covers the next cells too. */
  let known = { kind: 'hole', from: 0, to: 0 };
  const extentAt = async (offset: number): Promise<{ kind: string; from: number; to: number }> => {
    if (offset >= known.from && offset < known.to) return known;
    await turn();
    const extent = await source.extentAt(fileOffset(offset));
    // Past the end: the file became shorter while it was open.
    const to = extent === null ? Number.POSITIVE_INFINITY : Math.max(offset + 1, extent.offset + extent.length);
    known = { kind: extent?.kind ?? 'hole', from: offset, to };
    return known;
  };
  for (let cell = 0; cell < cells.count; cell += 1) {
    const [from, to] = [edge(cells, cell), edge(cells, cell + 1)];
    let at = from;
    let data = 0;
    for (let counted = 0; at < to && counted < COUNTED; counted += 1) {
      const extent = await extentAt(at);
      const end = Math.min(to, extent.to);
      if (extent.kind === 'data') data += end - at;
      at = end;
    }
    let hits = 0;
    const rest = to - at;
    for (let sample = 0; rest > 0 && sample < SAMPLES; sample += 1) {
      const extent = await extentAt(at + Math.floor(((sample + 0.5) * rest) / SAMPLES));
      if (extent.kind === 'data') hits += 1;
    }
    // More than COUNTED extents are some of each kind.
    shades[cell] =
      rest > 0
        ? Math.max(1, Math.min(FULL - 1, shade(data + (hits / SAMPLES) * rest, to - from)))
        : shade(data, to - from);
  }
  return shades;
}

/** Present pages by cell, of a stretch within a block's pages; a page counts in every cell that it reaches into. */
export async function presentIn(
  { bits, pagesOffset, pageSize, pagesTotal }: InspectorRegion,
  cells: Cells,
): Promise<Uint8Array> {
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
