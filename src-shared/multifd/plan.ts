/** From blocks, stretches with data and bitmaps to what a pass copies. */
import { blockOffset } from '../bytes/units';
import { DIGEST_BYTES } from '../contracts/channels';
import type { Stretches } from '../contracts/ram-files';
import { MaskedFeed, WholeFeed, type ExtentFeed, type PageBits } from './feed';
import { checkPlannedPageSize, type BlockPlace, type Segment } from './places';

/**
 * The parts of one block that a first pass has to look at: every stretch of DIGEST_BYTES that `data` touches. `data` is in
 * bytes of the block's file of RAM, as SEEK_DATA finds it; what lies outside the block does not count.
 */
export function segmentsOf(block: number, place: BlockPlace, data: Stretches): readonly Segment[] {
  const segments: Segment[] = [];
  for (let at = 0; at + 1 < data.length; at += 2) {
    const start = Math.max(0, (data[at] ?? 0) - place.ramOffset);
    const end = Math.min(place.length, (data[at + 1] ?? 0) - place.ramOffset);
    if (end <= start) continue;
    const from = blockOffset(start - (start % DIGEST_BYTES));
    const to = blockOffset(Math.min(place.length, Math.ceil(end / DIGEST_BYTES) * DIGEST_BYTES));
    const last = segments.at(-1);
    if (last !== undefined && from <= last.to) segments[segments.length - 1] = { ...last, to };
    else segments.push({ block, from, to });
  }
  return segments;
}

/**
 * A first pass: `data[n]` are the stretches of the file of RAM in which block n may have data, ascending. Memory that was
 * never touched is not in them, is not read and stays a hole. Throws `format.unsupported` for a page size no target has.
 */
export function planWhole(places: readonly BlockPlace[], data: readonly Stretches[], pageSize: number): ExtentFeed {
  checkPlannedPageSize(pageSize);
  return new WholeFeed(
    places,
    places.flatMap((place, block) => segmentsOf(block, place, data[block] ?? [])),
    pageSize,
  );
}

/**
 * A later pass, or a load: the marked pages of each block. The bitmaps are copied; bits past a block's last page do not
 * count. Throws `format.unsupported` for a page size no target has.
 */
export function planMasked(places: readonly BlockPlace[], bits: PageBits, pageSize: number): ExtentFeed {
  checkPlannedPageSize(pageSize);
  const own = places.map(({ length }, block) => ownPages(bits[block] ?? null, length / pageSize));
  return new MaskedFeed(places, own, pageSize);
}

/** A copy of the bits of pages 0 … `pages` − 1. */
function ownPages(bits: Uint8Array | null, pages: number): Uint8Array | null {
  if (bits === null) return null;
  const copy = bits.slice(0, Math.ceil(pages / 8));
  const last = copy.length - 1;
  if (pages % 8 !== 0 && copy.length === Math.ceil(pages / 8))
    copy[last] = (copy[last] ?? 0) & ((1 << (pages % 8)) - 1);
  return copy;
}
