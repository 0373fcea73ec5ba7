import type { GuestBlock } from '../guest/guest-file';

/** Bytes of present pages in a unit, usually: some milliseconds from the page cache, some tens from a disk. */
export const UNIT_BYTES = 64 * 1024 * 1024;

/** A stretch of one block in which hits may begin. */
export interface Unit {
  readonly block: GuestBlock;
  readonly start: number;
  /** One past the last byte at which a hit may begin. */
  readonly end: number;
  /** Bytes of present pages in it. */
  readonly bytes: number;
}

/** A part of a block to be searched. */
export interface UnitRange {
  readonly block: GuestBlock;
  readonly start: number;
  readonly end: number;
}

/** A match at one place of the guest's memory. */
export interface Match {
  readonly offset: number;
  readonly length: number;
}

export interface UnitMatches {
  readonly matches: readonly Match[];
  /** Where to go on; null: the unit is done. */
  readonly next: number | null;
}

/** A search answers after about so long, done or not, so that a cancel is never far away: slow disks, hard expressions. */
export const STEP_MS = 100;

/** Searches units of one file for one thing. */
export interface UnitSearch {
  /**
   * Matches that begin in `unit` at or behind `from`, in the order of the guest: at most `most`, and what is found in about
   * STEP_MS.
   */
  search(unit: Unit, from: number, most: number): UnitMatches;
}

/**
 * Cuts ranges into units by their present pages; the pages between, which are absent, belong to the unit before. A range
 * without present pages has none. Cut at multiples of 8 pages, since bitmaps are read byte by byte: 4 MiB of bitmap (128 GiB
 * of RAM) take about 15 ms.
 */
export function cutIntoUnits(ranges: readonly UnitRange[], unitBytes: number): readonly Unit[] {
  return ranges.flatMap((range) => cutRange(range, unitBytes));
}

function cutRange({ block, start, end }: UnitRange, unitBytes: number): readonly Unit[] {
  const { pageSize, present } = block;
  const units: Unit[] = [];
  const unit = { start, bytes: 0 };
  const close = (at: number): void => {
    if (unit.bytes > 0) units.push({ block, start: unit.start, end: at, bytes: unit.bytes });
    [unit.start, unit.bytes] = [at, 0];
  };
  const lastPage = Math.ceil(end / pageSize);
  for (let page = present.next(Math.floor(start / pageSize), lastPage, true); page < lastPage;) {
    const eight = page - (page % 8);
    const at = eight * pageSize;
    if (unit.bytes >= unitBytes && at > unit.start) close(at);
    unit.bytes += bytesWithin(present.eightAt(eight), eight, pageSize, start, end);
    page = present.next(eight + 8, lastPage, true);
  }
  close(end);
  return units;
}

/** Bytes of 8 pages that are present and lie between `start` and `end`. */
function bytesWithin(bits: number, first: number, pageSize: number, start: number, end: number): number {
  let bytes = 0;
  for (let bit = 0; bit < 8; bit++) {
    if (((bits >> bit) & 1) === 0) continue;
    const at = (first + bit) * pageSize;
    bytes += Math.max(0, Math.min(end, at + pageSize) - Math.max(start, at));
  }
  return bytes;
}

/** Whether a match lies wholly in pages that are not in the file: zeros, of which the file does not know. */
export function isWhollyAbsent({ block }: Unit, { offset, length }: Match): boolean {
  const last = Math.floor((offset + length - 1) / block.pageSize) + 1;
  return block.present.next(Math.floor(offset / block.pageSize), last, true) === last;
}
