/**
 * What the inspector knows of every page of a RAMBlock. Bitmap and allocation are known at once or soon; what takes reading
 * (digests, duplicates, classes) is scanned for when it is asked for, and fills in while the scan goes on.
 * Implemented by src-worker/inspector/pages. The scan for allocation begins by itself when something is asked here first.
 */
import type { MethodNames } from './endpoint';

/** Most pages that one `pages` call answers. */
export const MAX_PAGES = 65_536;
/** Most cells that one `overview` call answers. */
export const MAX_OVERVIEW_CELLS = 65_536;

/**
 * A page's facts, one bit each. What a page counts as follows from them and from the layers that are shown
 * (src-shared/page-state): lost write = present without data; stale = data without present.
 */
export const PAGE_FLAGS = {
  /** The bitmap says that it was written. */
  present: 1,
  /**
   * Bytes are allocated for it on disk: for all of a present page, for any part of another one. Until the scan for allocation
   * has come by, it is as `present`: no page is lost or stale before that is known.
   */
  data: 2,
  /** Its unit of 1 MiB differs from the digest that was taken at the save. */
  mismatch: 4,
  /**
   * Another present page of the file has the same bytes, and they are not all zero: the same XXH3-64, by which one pair of
   * different pages in 2^64 is taken for equal.
   */
  duplicate: 8,
  /** It differs from the snapshot that the file is compared with. */
  changed: 16,
} as const;

/**
 * What a page's bytes look like: the classes of a scan, in this order. `unknown`: not scanned yet. docs/page-classes.md has the
 * rule by which they are told apart.
 */
export const PAGE_CLASSES = ['unknown', 'zero', 'text', 'code', 'pointers', 'compressed', 'other'] as const;
export type PageClass = (typeof PAGE_CLASSES)[number];

/** Pages of one block, from `first` on. */
export interface PageFacts {
  readonly first: number;
  /** PAGE_FLAGS of each page. */
  readonly flags: Uint8Array;
  /** Number in PAGE_CLASSES of each page; null while no scan for classes was begun. */
  readonly classes: Uint8Array | null;
  /** Entropy of each page's bytes in 1/31 bit (0 … 248); null as `classes`. */
  readonly entropy: Uint8Array | null;
}

/** How many pages of each kind are in a stretch. The kinds overlap: they are counted for each by itself. */
export interface PageTotals {
  readonly pages: number;
  readonly present: number;
  /** Present without bytes on disk. */
  readonly lost: number;
  /** Bytes on disk under a clear bit. */
  readonly stale: number;
  readonly mismatch: number;
  readonly duplicate: number;
  readonly changed: number;
}

/** The counts of an overview's cell, in this order. */
export const OVERVIEW_COUNTS = ['present', 'lost', 'stale', 'mismatch', 'duplicate', 'changed'] as const;

export interface PageOverview {
  /** The first page of the first cell. */
  readonly first: number;
  /** Pages per cell: the fewest with which the cells suffice. The last cell may stand for fewer. */
  readonly perCell: number;
  /** OVERVIEW_COUNTS of each cell, one cell after the other. */
  readonly counts: Uint32Array;
  /**
   * Mean entropy of the present pages of each cell that were scanned, as in PageFacts, and the class that most of them have;
   * null as there.
   */
  readonly entropy: Uint8Array | null;
  readonly classes: Uint8Array | null;
}

/** `allocation`: where bytes are on disk (stale, lost). `classes`: classes and entropy. */
export type PageScan = 'allocation' | 'digests' | 'duplicates' | 'classes';

export interface PageScanState {
  readonly scan: PageScan;
  /**
   * `not begun`: also after it was stopped, with what was done until then in `doneBytes`. `impossible`, `failed`: `why` says
   * why, e.g. no digests were taken at the save; a failed one may be begun again.
   */
  readonly state: 'not begun' | 'running' | 'done' | 'impossible' | 'failed';
  /** Bytes looked at, and in all: of page regions for `allocation`, else of present pages. In all: 0 until it is known. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly why: string | null;
}

export interface InspectorPagesApi {
  /**
   * Pages of a block, at most MAX_PAGES; fewer where the block ends. `usage` for a block that has no pages in this file,
   * `format.unsupported` for one with more pages than are kept in memory. So in all that ask for a block.
   */
  pages(block: string, first: number, count: number): Promise<PageFacts>;
  /** `count` pages of a block in at most `cells` equal cells, from page `first` on; fewer pages where the block ends. */
  overview(block: string, first: number, count: number, cells: number): Promise<PageOverview>;
  /** Counts of a stretch of pages, as far as they are known by now. */
  totals(block: string, first: number, count: number): Promise<PageTotals>;
  /**
   * The nearest page at or after `from` (direction 1), or at or before it (−1), that has all flags of `set` and none of
   * `clear`; null when there is none.
   */
  nextPage(block: string, from: number, direction: 1 | -1, set: number, clear: number): Promise<number | null>;
  /** Begins a scan of the whole file, or goes on with it; answers at once. What is done stays done. */
  beginScan(scan: PageScan): Promise<PageScanState>;
  /** Stops a scan; what it found stays. */
  endScan(scan: PageScan): Promise<PageScanState>;
  /** How all scans are, after at most about 200 ms, sooner when one of them moved. */
  scans(): Promise<readonly PageScanState[]>;
}

export const inspectorPagesMethods: MethodNames<InspectorPagesApi> = {
  pages: true,
  overview: true,
  totals: true,
  nextPage: true,
  beginScan: true,
  endScan: true,
  scans: true,
};
