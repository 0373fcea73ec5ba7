/** Pages that differ, counted by where the guest had them: guest-physical ranges. */
import { blockOffset, byteCount, guestPhysical } from '../bytes/units';
import { PAGE_CHANGES, type AddressCounts, type PageCounts, type UnitDiff } from '../contracts/diff';
import type { RamRange } from '../contracts/library';

/** Ranges are cut at multiples of a power of two, at least this many bytes, so that there are about as many. */
const LEAST_SLICE = 1024 * 1024;
const SLICES = 64;
/** Most ranges of a map that are counted by; none has more than a few dozen. */
const MOST_RANGES = 1024;

/** The map, ascending by address, long ranges cut into slices of one power of two. */
export function addressSlices(map: readonly RamRange[]): readonly RamRange[] {
  const ordered = [...map].sort((a, b) => a.guestPhysical - b.guestPhysical).slice(0, MOST_RANGES);
  const bytes = ordered.reduce((sum, { length }) => sum + length, 0);
  let size = LEAST_SLICE;
  while (size * SLICES < bytes) size *= 2;
  return ordered.flatMap((range) => cut(range, size));
}

function cut({ block, blockOffset: inBlock, guestPhysical: start, length }: RamRange, size: number): RamRange[] {
  const slices: RamRange[] = [];
  for (let at: number = start; at < start + length;) {
    const stop = Math.min(start + length, at - (at % size) + size);
    slices.push({
      block,
      blockOffset: blockOffset(inBlock + (at - start)),
      guestPhysical: guestPhysical(at),
      length: byteCount(stop - at),
    });
    at = stop;
  }
  return slices;
}

interface Growing {
  added: number;
  removed: number;
  changed: number;
}

interface Counted extends Growing {
  readonly slice: RamRange;
}

/** Counts units of a comparison by guest-physical range. A page that the guest sees at two addresses counts at both. */
export class AddressSummary {
  readonly #slices: readonly Counted[];
  readonly #elsewhere: Growing = { added: 0, removed: 0, changed: 0 };
  readonly #pageSizes: ReadonlyMap<string, number>;

  /** `blocks`: those that are compared. */
  constructor(map: readonly RamRange[], blocks: readonly { readonly name: string; readonly pageSize: number }[]) {
    this.#slices = addressSlices(map).map((slice) => ({ slice, added: 0, removed: 0, changed: 0 }));
    this.#pageSizes = new Map(blocks.map(({ name, pageSize }) => [name, pageSize]));
  }

  add({ block, runs }: UnitDiff): void {
    const pageSize = this.#pageSizes.get(block) ?? 1;
    const own = this.#slices.filter(({ slice }) => slice.block === block);
    const mapped = joined(own.map(({ slice }) => pagesIn(slice, pageSize)));
    for (let at = 0; at + 2 < runs.length; at += 3) {
      const [first, count] = [runs[at] ?? 0, runs[at + 1] ?? 0];
      const change = PAGE_CHANGES[runs[at + 2] ?? 0];
      if (change === undefined) continue;
      for (const counted of own) counted[change] += shared(pagesIn(counted.slice, pageSize), first, count);
      this.#elsewhere[change] += count - mapped.reduce((sum, pages) => sum + shared(pages, first, count), 0);
    }
  }

  /** Every range, ascending by address. */
  get ranges(): readonly AddressCounts[] {
    return this.#slices.map(({ slice, added, removed, changed }) => ({ ...slice, added, removed, changed }));
  }

  /** Pages that no range has: of blocks that the guest does not see as RAM. */
  get elsewhere(): PageCounts {
    return { ...this.#elsewhere };
  }
}

interface Pages {
  readonly from: number;
  readonly to: number;
}

/** Pages whose first byte lies in a range. */
const pagesIn = ({ blockOffset: start, length }: RamRange, pageSize: number): Pages => ({
  from: Math.ceil(start / pageSize),
  to: Math.ceil((start + length) / pageSize),
});

const shared = ({ from, to }: Pages, first: number, count: number): number =>
  Math.max(0, Math.min(to, first + count) - Math.max(from, first));

/** The same pages, none twice. */
function joined(parts: readonly Pages[]): readonly Pages[] {
  const apart: { from: number; to: number }[] = [];
  for (const { from, to } of [...parts].sort((a, b) => a.from - b.from)) {
    const last = apart.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else apart.push({ from, to });
  }
  return apart;
}
