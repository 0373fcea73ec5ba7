/**
 * What a pass over guest RAM still has to copy, cut into batches as the channels ask for them. Nothing is cut ahead of need,
 * so a batch is as large as the measured speed makes sensible, and the plan of a large guest takes no memory.
 */
import { countOnes } from '../bytes/bits';
import { blockOffset } from '../bytes/units';
import { DIGEST_BYTES } from '../contracts/channels';
import { extentOf, type BlockPlace, type PlannedExtent, type Segment } from './places';

/** Extents that wait to be copied. */
export interface ExtentFeed {
  /** Bytes of pages that were not handed out yet. */
  readonly remaining: number;
  /**
   * The next extents, of at most `most` bytes of work together, but at least one stretch of DIGEST_BYTES. Empty when
   * everything was handed out.
   */
  next(most: number): readonly PlannedExtent[];
}

/** Most extents of one batch: scattered pages cost a read and a write each, however few bytes they are. */
const MOST_EXTENTS = 512;

/** Hands out whole segments, in their order. */
export class WholeFeed implements ExtentFeed {
  #remaining: number;
  #index = 0;
  /** Bytes of the current segment that were handed out. */
  #done = 0;

  constructor(
    private readonly places: readonly BlockPlace[],
    private readonly segments: readonly Segment[],
    private readonly pageSize: number,
  ) {
    this.#remaining = segments.reduce((sum, { from, to }) => sum + (to - from), 0);
  }

  get remaining(): number {
    return this.#remaining;
  }

  next(most: number): readonly PlannedExtent[] {
    const batch: PlannedExtent[] = [];
    let room = most;
    while (batch.length < MOST_EXTENTS) {
      const segment = this.segments[this.#index];
      // Whole stretches of DIGEST_BYTES, so that the next extent begins where a digest does.
      const fits = Math.max(room - (room % DIGEST_BYTES), batch.length === 0 ? DIGEST_BYTES : 0);
      if (segment === undefined || fits <= 0) break;
      const from = blockOffset(segment.from + this.#done);
      const to = blockOffset(Math.min(segment.to, from + fits));
      batch.push(extentOf(this.places, this.pageSize, { block: segment.block, from, to }, to - from, null));
      room -= to - from;
      this.#remaining -= to - from;
      this.#done += to - from;
      if (to === segment.to) {
        this.#index += 1;
        this.#done = 0;
      }
    }
    return batch;
  }
}

/** Pages of each block of a plan, in its order: bit n of byte n >> 3 is page n. null: none of this block. */
export type PageBits = readonly (Uint8Array | null)[];

/** Hands out the pages of bitmaps as extents with masks, block after block. The bitmaps must not change meanwhile. */
export class MaskedFeed implements ExtentFeed {
  #remaining = 0;
  #block = 0;
  /** Where the search goes on in the current block, in stretches of DIGEST_BYTES. */
  #unit = 0;
  readonly #bytesPerUnit: number;

  constructor(
    private readonly places: readonly BlockPlace[],
    private readonly bits: PageBits,
    private readonly pageSize: number,
  ) {
    this.#bytesPerUnit = DIGEST_BYTES / pageSize / 8;
    places.forEach((place, block) => {
      const own = bits[block];
      if (own) this.#remaining += ones(own.subarray(0, Math.ceil(place.length / pageSize / 8))) * pageSize;
    });
  }

  get remaining(): number {
    return this.#remaining;
  }

  next(most: number): readonly PlannedExtent[] {
    const batch: PlannedExtent[] = [];
    let room = most;
    while (batch.length < MOST_EXTENTS && (room > 0 || batch.length === 0)) {
      const extent = this.#nextExtent(batch.length === 0 ? Math.max(room, 1) : room);
      if (extent === null) break;
      batch.push(extent);
      room -= extent.work;
      this.#remaining -= extent.work;
    }
    return batch;
  }

  /** The next run of stretches that have marked pages, ended where `room` bytes of pages are in it. */
  #nextExtent(room: number): PlannedExtent | null {
    for (; this.#block < this.places.length; this.#block += 1, this.#unit = 0) {
      const place = this.places[this.#block];
      const bits = this.bits[this.#block];
      if (place === undefined || !bits) continue;
      const units = Math.ceil(place.length / DIGEST_BYTES);
      while (this.#unit < units && this.#workIn(bits, this.#unit) === 0) this.#unit += 1;
      if (this.#unit === units) continue;
      const first = this.#unit;
      let work = 0;
      for (; this.#unit < units && work < room; this.#unit += 1) {
        const more = this.#workIn(bits, this.#unit);
        if (more === 0) break;
        work += more;
      }
      const from = blockOffset(first * DIGEST_BYTES);
      const to = blockOffset(Math.min(place.length, this.#unit * DIGEST_BYTES));
      const maskFrom = first * this.#bytesPerUnit;
      const mask = bits.slice(maskFrom, maskFrom + Math.ceil((to - from) / this.pageSize / 8));
      return extentOf(this.places, this.pageSize, { block: this.#block, from, to }, work, mask);
    }
    return null;
  }

  #workIn(bits: Uint8Array, unit: number): number {
    const from = unit * this.#bytesPerUnit;
    return ones(bits.subarray(from, from + this.#bytesPerUnit)) * this.pageSize;
  }
}

/** Set bits of any number of bytes. */
function ones(bytes: Uint8Array): number {
  const whole = bytes.length - (bytes.length % 4);
  let count = countOnes(bytes.subarray(0, whole));
  for (const byte of bytes.subarray(whole)) for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
