/**
 * Which pages of one RAMBlock are in the mapped-ram file, put together from what the channels report. All bitmaps have bit n
 * of byte n >> 3 for page n; that is the little-endian form of mapped-ram's words (FORMAT: "bitmap").
 */
import { countOnes, RunFinder } from '../bytes/bits';
import { DIGEST_BYTES, type SavedExtent } from '../contracts/channels';
import { fail } from '../contracts/failure';
import { bitmapBytes } from '../mapped-ram/header';
import type { PageSink } from './coordination';
import type { BlockPlace, PlannedExtent } from './places';

/** Bytes of one digest (XXH3-64). */
const DIGEST_SIZE = 8;

export class PageSet {
  readonly pages: number;
  readonly pageSize: number;
  /** Whole 64-bit words, as the file wants them. */
  readonly present: Uint8Array;
  /**
   * Digests of every DIGEST_BYTES, 8 bytes each: zeros where none is known, since nothing was ever there or it was written
   * again without its whole stretch being read. null: none were asked for.
   */
  readonly digests: Uint8Array | null;
  /** Pages that may hold bytes in the file other than zeros. */
  readonly #written: Uint8Array;
  /** Pages that were present at some time. */
  readonly #ever: Uint8Array;

  constructor(length: number, pageSize: number, digests: boolean) {
    this.pages = length / pageSize;
    this.pageSize = pageSize;
    const bytes = bitmapBytes(this.pages);
    this.present = new Uint8Array(bytes);
    this.#written = new Uint8Array(bytes);
    this.#ever = new Uint8Array(bytes);
    this.digests = digests ? new Uint8Array(Math.ceil(length / DIGEST_BYTES) * DIGEST_SIZE) : null;
  }

  get presentPages(): number {
    return countOnes(this.present);
  }

  /** The digests, with zeros for every DIGEST_BYTES of which no page is present; null when none were asked for. */
  presentDigests(): Uint8Array | null {
    if (this.digests === null) return null;
    const known = this.digests.slice();
    const bytesPerUnit = DIGEST_BYTES / this.pageSize / 8;
    for (let unit = 0; unit * DIGEST_SIZE < known.length; unit += 1) {
      const bits = this.present.subarray(unit * bytesPerUnit, (unit + 1) * bytesPerUnit);
      if (bits.every((byte) => byte === 0)) known.fill(0, unit * DIGEST_SIZE, (unit + 1) * DIGEST_SIZE);
    }
    return known;
  }

  get everPresentPages(): number {
    return countOnes(this.#ever);
  }

  /**
   * Takes in what became of an extent: of its pages, the present ones are exactly those reported. Throws `internal` for a
   * report that does not fit the extent.
   */
  take(planned: PlannedExtent, saved: SavedExtent): void {
    const { firstPage, pages, extent } = planned;
    const bytes = Math.ceil(pages / 8);
    if (saved.present.length !== bytes) {
      throw misfit(`a channel reported ${saved.present.length} bytes of pages for ${bytes}`);
    }
    for (let at = 0; at < bytes; at += 1) {
      const inside = asked(planned, at);
      const now = (saved.present[at] ?? 0) & inside;
      const place = firstPage / 8 + at;
      this.present[place] = ((this.present[place] ?? 0) & ~inside) | now;
      this.#written[place] = (this.#written[place] ?? 0) | now;
      this.#ever[place] = (this.#ever[place] ?? 0) | now;
    }
    this.#takeDigests(planned, saved, extent.mask !== undefined);
  }

  #takeDigests({ firstPage, extent }: PlannedExtent, saved: SavedExtent, masked: boolean): void {
    if (this.digests === null) return;
    const units = Math.ceil(extent.length / DIGEST_BYTES);
    const at = ((firstPage * this.pageSize) / DIGEST_BYTES) * DIGEST_SIZE;
    if (masked) this.digests.fill(0, at, at + units * DIGEST_SIZE);
    else if (saved.digests.length === units * DIGEST_SIZE) this.digests.set(saved.digests, at);
    else throw misfit(`a channel reported ${saved.digests.length} bytes of digests for ${units} of them`);
  }

  /**
   * An extent is copied again since the channel that had it died: it may have written any of its pages, also those that are
   * zero by now.
   */
  lost(planned: PlannedExtent): void {
    for (let at = 0; at < Math.ceil(planned.pages / 8); at += 1) {
      const place = planned.firstPage / 8 + at;
      this.#written[place] = (this.#written[place] ?? 0) | asked(planned, at);
    }
  }

  /**
   * Runs of pages, first and behind the last in turn, whose bytes in the file are old: they were written and are zero now.
   * A file must not be left with them, or what maps it sees them.
   */
  stale(): readonly number[] {
    const found: number[] = [];
    const onRun = (first: number, end: number): void => void found.push(first, end);
    const finder = new RunFinder();
    finder.add(
      this.#written.map((byte, at) => byte & ~(this.present[at] ?? 0)),
      onRun,
    );
    finder.finish(onRun);
    return found;
  }
}

/** The page sets of every block of a plan, in its order, as the coordinator tells them. */
export class PageSets implements PageSink {
  readonly sets: readonly PageSet[];

  constructor(places: readonly BlockPlace[], pageSize: number, digests: boolean) {
    this.sets = places.map(({ length }) => new PageSet(length, pageSize, digests));
  }

  saved(planned: PlannedExtent, saved: SavedExtent): void {
    this.#of(planned).take(planned, saved);
  }

  lost(planned: PlannedExtent): void {
    this.#of(planned).lost(planned);
  }

  #of({ block }: PlannedExtent): PageSet {
    const set = this.sets[block];
    if (set === undefined) throw new RangeError(`there is no block ${block} in the plan`);
    return set;
  }
}

/** Bits of the byte `at` of an extent that stand for its pages. */
function bitsInside({ pages }: PlannedExtent, at: number): number {
  const left = pages - at * 8;
  return left >= 8 ? 0xff : (1 << left) - 1;
}

/** Bits of the byte `at` of an extent whose pages were to be copied. */
function asked(planned: PlannedExtent, at: number): number {
  const inside = bitsInside(planned, at);
  const { mask } = planned.extent;
  return mask === undefined ? inside : inside & (mask[at] ?? 0);
}

const misfit = (what: string): Error =>
  fail('internal', 'keeping account of the pages', what, 'Report this; it is a fault in Stillframe.');
