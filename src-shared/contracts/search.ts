/**
 * Searching the RAM of a mapped-ram file. Implemented by src-worker/search; several workers search one file, driven by
 * src-shared/search/drive.
 */
import type { RamMapSource } from './guest-bytes';
import type { RamRange } from './library';
import type { Lease } from './lease';

/** Most hits that one `searchUnit` call answers. */
export const MAX_UNIT_HITS = 1000;

/** What is looked for. Every form comes down to bytes. */
export type SearchWhat =
  /** Characters. `ignoreCase`: a letter also matches its other case. */
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly encoding: 'utf8' | 'utf16le' | 'utf16be';
      readonly ignoreCase: boolean;
    }
  /** Bytes in hexadecimal; `?` stands for any digit: `de ?? be`, `4?`. */
  | { readonly kind: 'hex'; readonly hex: string }
  /** A regular expression on bytes; docs/search.md has its grammar. */
  | { readonly kind: 'regex'; readonly pattern: string; readonly ignoreCase: boolean }
  /** A whole number in decimal or `0x…`, negative ones in two's complement; `width` null: 4 bytes where it fits, else 8. */
  | {
      readonly kind: 'int';
      readonly value: string;
      readonly width: 1 | 2 | 4 | 8 | null;
      readonly endian: 'little' | 'big';
    };

/** A part of a RAMBlock in bytes; `end` is one past the last. */
export interface BlockRange {
  readonly block: string;
  readonly start: number;
  readonly end: number;
}

export interface SearchRequest {
  readonly what: SearchWhat;
  /** Where hits may begin, in the order in which they are to be reported; null: all of every block, in the order of the file. */
  readonly ranges: readonly BlockRange[] | null;
}

export interface SearchPlan {
  /** `searchUnit` takes 0 … units − 1. Every worker that opens the same file for the same request has the same units. */
  readonly units: number;
  /** Bytes of the present pages in them. */
  readonly bytes: number;
  /** What guest-physical addresses are told by. */
  readonly ramMap: RamMapSource;
}

/** One place where it was found. */
export interface SearchHit {
  readonly block: string;
  readonly blockOffset: number;
  readonly page: number;
  readonly guestPhysical: number | null;
  /** Where the byte is in the file; for a byte of an absent page, where it would be. */
  readonly fileOffset: number;
  /** Whether the page of the first byte is in the file; if not, the hit begins in zeros that stand before a present page. */
  readonly present: boolean;
  /** Bytes that match. */
  readonly length: number;
  /** The bytes around as text, what is not printable ASCII as `.`: up to 16 before the hit, 48 of it, 16 behind it. */
  readonly context: string;
  /** The same bytes in hexadecimal, and where in the block they begin. */
  readonly contextHex: string;
  readonly contextOffset: number;
}

export interface UnitHits {
  /** In the order of the guest. */
  readonly hits: readonly SearchHit[];
  /** Bytes of present pages that were searched by this call. */
  readonly bytes: number;
  /** Where in the unit's block to go on (`from`); null: the unit is done. */
  readonly next: number | null;
  /** One past the last byte of the last hit, as a block offset; null without a hit. */
  readonly end: number | null;
  /** The unit's block, and where its hits begin at the earliest. */
  readonly block: string;
  readonly start: number;
}

/** The calls of one worker that searches; a worker has at most one search open. */
export interface SearchApi {
  /**
   * Opens a file for a search and cuts its present pages into units. Replaces what was open. Rejects with `usage` for a
   * request that makes no sense, `format.unsupported` for a file whose pages have no fixed place.
   */
  openSearch(lease: Lease, request: SearchRequest, ramMap: readonly RamRange[]): Promise<SearchPlan>;
  /**
   * Searches one unit, from its start or from the block offset `from` on. Answers as soon as `most` (at most MAX_UNIT_HITS)
   * hits are found, else when the unit is done. A unit is some tens of MiB, so that a cancel is never far away.
   */
  searchUnit(unit: number, from: number | null, most: number): Promise<UnitHits>;
  closeSearch(): Promise<void>;
}
