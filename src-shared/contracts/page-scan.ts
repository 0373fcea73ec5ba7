/**
 * Reading the pages of a mapped-ram file for what the inspector tells of them. Implemented by src-worker/page-scan; several
 * workers read one file. Each call looks at some pages of one block, some MiB usually, and at present ones only.
 */
import type { Lease } from './lease';

/** A page's class (its number in PAGE_CLASSES) and entropy in one byte; 0: not looked at. */
export const LEVELS = 31;
/** Units of PageFacts.entropy in one level. */
export const LEVEL_STEP = 8;

/** `level`: 0 … LEVELS for 0 … 8 bit. */
export const packLook = (kind: number, level: number): number => kind * 32 + level;
export const classOf = (look: number): number => look >>> 5;
export const levelOf = (look: number): number => look & 31;

export interface PageLooks {
  /** `packLook` of each page; 0 for absent ones. */
  readonly looks: Uint8Array;
}

export interface PageHashes {
  /** XXH3-64 of each page, low word first; two zeros for pages that are absent or all zero, and for no other. */
  readonly hashes: Uint32Array;
}

export interface UnitDigests {
  /** XXH3-64 of each DIGEST_BYTES with absent pages as zeros, 8 bytes each, as in digests.bin; zeros where no page is present. */
  readonly digests: Uint8Array;
}

/** Most pages of one call. */
export const MAX_SCAN_PAGES = 65_536;

/** The calls of one worker; a worker has at most one file open for them. */
export interface PageScanApi {
  /** Opens a file in place of the one that is open. Rejects as `SearchApi.openSearch` does. */
  openPages(lease: Lease): Promise<void>;
  /** Class and entropy of pages `first` … `first + count - 1`. */
  classifyPages(block: string, first: number, count: number): Promise<PageLooks>;
  hashPages(block: string, first: number, count: number): Promise<PageHashes>;
  /** `first`: a page that begins a digest's unit. */
  digestPages(block: string, first: number, count: number): Promise<UnitDigests>;
  closePages(): Promise<void>;
}
