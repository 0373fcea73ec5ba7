/**
 * Where a file has bytes, where it has none, and which pages those are, told as segments: maximal stretches within which
 * nothing changes. A segment depends on the file alone, never on the question, so answers to different questions abut.
 */
import type { ByteSource } from '@shared/bytes/source';
import { fileOffset } from '@shared/bytes/units';
import type { PageRun, Segment } from '@shared/contracts/inspector-port';
import type { BitRun } from './bitmap';

/** First stretch looked at for the beginning of a run; it grows fourfold while nothing is found. */
const LOOK_BACK = 64 * 1024;
/** Extents looked at for one answer: past it, fewer segments are answered than were asked for. */
const EXTENT_BUDGET = 20_000;

/** Where a block's pages are, and how to learn which of them are present. */
export interface PageRegion {
  readonly block: string;
  readonly pageSize: number;
  readonly pagesOffset: number;
  readonly pagesTotal: number;
  readonly bits: { runAround(page: number): Promise<BitRun> };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Region extends Span {
  readonly pages: PageRegion;
}

/** Regions in file order, none over another or past the end: of overlapping ones (a hostile file) the later begins. */
function arrange(regions: readonly PageRegion[], size: number): readonly Region[] {
  const sorted = [...regions].sort((a, b) => a.pagesOffset - b.pagesOffset);
  return sorted
    .map((pages, index) => {
      const next = sorted[index + 1]?.pagesOffset ?? size;
      const to = Math.min(pages.pagesOffset + pages.pagesTotal * pages.pageSize, next, size);
      return { from: pages.pagesOffset, to, pages };
    })
    .filter(({ from, to }) => from < to);
}

/** The segments of one file. */
export class Segments {
  readonly #regions: readonly Region[];
  #looked = 0;

  constructor(
    readonly source: ByteSource,
    readonly size: number,
    regions: readonly PageRegion[],
  ) {
    this.#regions = arrange(regions, size);
  }

  /** The segment that holds `offset` (clamped into the file), with its neighbours; empty for an empty file. */
  async around(offset: number, before: number, after: number): Promise<readonly Segment[]> {
    if (this.size === 0) return [];
    this.#looked = 0;
    const middle = await this.at(Math.min(offset, this.size - 1));
    const found = [middle];
    for (let last = middle; found.length <= after && endOf(last) < this.size && this.#affordable(); found.push(last)) {
      last = await this.#from(endOf(last));
    }
    for (let first = middle, count = 0; count < before && first.offset > 0 && this.#affordable(); count += 1) {
      first = await this.at(first.offset - 1);
      found.unshift(first);
    }
    return found;
  }

  /** The segment that holds `offset`, which lies in the file. */
  async at(offset: number): Promise<Segment> {
    const { bounds, pages } = await this.#stateAt(offset);
    const { kind, to } = await this.#extent(offset, bounds.to);
    const from = await this.#beginning(offset, kind, bounds.from);
    return { offset: from, length: to - from, kind, pages };
  }

  /** The segment that is known to begin at `offset`. */
  async #from(offset: number): Promise<Segment> {
    const { bounds, pages } = await this.#stateAt(offset);
    const { kind, to } = await this.#extent(offset, bounds.to);
    return { offset, length: to - offset, kind, pages };
  }

  #affordable(): boolean {
    return this.#looked < EXTENT_BUDGET;
  }

  /** The stretch around `offset` in which the page state is one; allocation is not looked at. */
  async #stateAt(offset: number): Promise<{ bounds: Span; pages: PageRun | null }> {
    const region = this.#regions.find(({ from, to }) => offset >= from && offset < to);
    if (region === undefined) return { bounds: this.#gapAt(offset), pages: null };
    const { block, pageSize, pagesOffset, bits } = region.pages;
    const run = await bits.runAround(Math.floor((offset - pagesOffset) / pageSize));
    const bounds = {
      from: Math.max(region.from, pagesOffset + run.from * pageSize),
      to: Math.min(region.to, pagesOffset + run.to * pageSize),
    };
    return { bounds, pages: { block, pageSize, pagesOffset, present: run.present } };
  }

  #gapAt(offset: number): Span {
    const before = this.#regions.filter(({ to }) => to <= offset).at(-1);
    const after = this.#regions.find(({ from }) => from > offset);
    return { from: before?.to ?? 0, to: after?.from ?? this.size };
  }

  /** Kind at `offset`, and where that kind ends, at most at `limit`. */
  async #extent(offset: number, limit: number): Promise<{ kind: Segment['kind']; to: number }> {
    let kind: Segment['kind'] = 'data';
    let to = offset;
    while (to < limit) {
      const extent = await this.#extentAt(to);
      if (to > offset && extent.kind !== kind) break;
      ({ kind } = extent);
      ({ to } = extent);
    }
    return { kind, to: Math.min(to, limit) };
  }

  /** Where the run of `kind` that holds `offset` begins, at least `limit`. The system can only seek forwards. */
  async #beginning(offset: number, kind: Segment['kind'], limit: number): Promise<number> {
    let known = offset;
    for (let reach = LOOK_BACK; known > limit; reach *= 4) {
      const start = Math.max(limit, known - reach);
      let begin = start;
      for (let here = start; here < known;) {
        const extent = await this.#extentAt(here);
        here = extent.to;
        if (extent.kind !== kind) begin = Math.min(here, known);
      }
      if (begin > start) return begin;
      known = start;
    }
    return limit;
  }

  async #extentAt(offset: number): Promise<{ kind: Segment['kind']; to: number }> {
    this.#looked += 1;
    const extent = await this.source.extentAt(fileOffset(offset));
    // Past the end: the file became shorter while it was open. What is gone has no bytes.
    if (extent === null) return { kind: 'hole', to: this.size };
    return { kind: extent.kind, to: Math.min(this.size, Math.max(extent.offset + extent.length, offset + 1)) };
  }
}

const endOf = (segment: Segment): number => segment.offset + segment.length;
