/**
 * Where a byte is, in every way of saying it, and how the file's bytes are spread: what the location bar and the file map ask.
 * Implemented by src-worker/inspector.
 */
import type { MethodNames } from './endpoint';
import type { TranslateReport } from './inspect';

/** Most cells that one `spread` call answers. */
export const MAX_SPREAD_CELLS = 4096;
/** Most addresses of one page that a `PlaceReport` lists. */
export const MAX_ADDRESSES = 64;

/** A CPU whose registers are known. */
export interface CpuFacts {
  readonly cpu: number;
  /** As they can be typed: `rip`, `gdt.base`. */
  readonly registers: readonly string[];
}

/** The guest-virtual addresses of a byte on one CPU's current page tables. */
export interface VirtualPlace {
  /**
   * The one in the longest stretch that is mapped in one piece, `0x` and hexadecimal: the kernel's own map of all RAM where
   * there is one. Of equal ones the lowest.
   */
  readonly address: string;
  /** How many others there are, and these in ascending order, at most MAX_ADDRESSES. */
  readonly others: number;
  readonly listed: readonly string[];
}

/** The header field that decides where a byte of a page is in the file. */
export interface DecidingField {
  readonly name: string;
  /** Its own bytes. */
  readonly offset: number;
  readonly length: number;
  readonly value: number;
}

/** A byte of the file, in every way of saying where it is. */
export interface PlaceReport {
  readonly fileOffset: number;
  /** The next four are null when it is in no page. */
  readonly block: string | null;
  readonly page: number | null;
  /** Bytes into the page. */
  readonly within: number | null;
  readonly present: boolean | null;
  /** The first of several, in the order of the RAM map; null when it is not known, or no RAM is made of the byte. */
  readonly guestPhysical: number | null;
  readonly ramMapFrom: 'manifest' | 'machine type' | null;
  readonly cpu: number;
  readonly guestVirtual: VirtualPlace | null;
  /** Why there is no guest-virtual address: a sentence; null when there is one. */
  readonly why: string | null;
  /** The way to the byte from `guestVirtual.address`. */
  readonly walk: TranslateReport | null;
  readonly decidedBy: DecidingField | null;
}

/** What is in a stretch of the file, by cells of equal size: 0 … 255, 0 for nothing at all and 255 for all of it. */
export interface Spread {
  /** The share of bytes that is allocated on disk. Where extents are too many to count, it is sampled. */
  readonly allocated: Uint8Array;
  /** The share of pages that is present; null when the stretch is not within one block's pages. */
  readonly present: Uint8Array | null;
}

export interface InspectorPlacesApi {
  /** In the order of the file; empty when no CPU's registers are known. */
  cpus(): Promise<readonly CpuFacts[]>;
  /**
   * Where the byte at a file offset is. The first question for a CPU goes through all its page tables, beside other answers.
   * Rejects with `usage` for an offset that is not in the file.
   */
  placeOf(offset: number, cpu: number): Promise<PlaceReport>;
  /** How [from, to) of the file is filled, in `cells` cells; `usage` unless 0 ≤ from < to ≤ size, 1 ≤ cells ≤ MAX_SPREAD_CELLS. */
  spread(from: number, to: number, cells: number): Promise<Spread>;
}

export const inspectorPlacesMethods: MethodNames<InspectorPlacesApi> = {
  cpus: true,
  placeOf: true,
  spread: true,
};
