/** Strings in the RAM of a mapped-ram file. Implemented by src-worker/strings; several workers read one file. */
import type { Lease } from './lease';
import type { BlockRange } from './search';

/** `ascii`: printable ASCII and tab. `utf8`: with whole characters of UTF-8 among them. `utf16`: ASCII in UTF-16, low byte first. */
export type StringEncoding = 'ascii' | 'utf8' | 'utf16';

export interface StringsRequest {
  readonly encoding: StringEncoding;
  /** Fewest characters of a string. */
  readonly least: number;
  /** A text that the strings have in them, whatever its case; empty: every string. */
  readonly filter: string;
  /** Where strings may begin; null: all of every block. */
  readonly ranges: readonly BlockRange[] | null;
}

export interface StringsPlan {
  /** `stringsUnit` takes 0 … units − 1, the same for every worker that opens the same file for the same request. */
  readonly units: number;
  /** Bytes of the present pages in them. */
  readonly bytes: number;
  /** The blocks that strings can be in. */
  readonly blocks: readonly { readonly name: string; readonly pagesOffset: number }[];
}

export interface UnitStrings {
  readonly block: string;
  /** In the order of the guest. */
  readonly strings: readonly FoundString[];
  /** Bytes of present pages that are behind with this answer. */
  readonly bytes: number;
  /** Where in the unit's block to go on (`from`); null: the unit is done. */
  readonly next: number | null;
}

/** Most strings that one `stringsUnit` call answers. */
export const MAX_UNIT_STRINGS = 5000;

/** Bytes of a string's text that are handed out at most; `length` tells all. */
export const MOST_STRING_BYTES = 4096;

export interface FoundString {
  readonly blockOffset: number;
  /** Bytes. One of more than 64 KiB may be told in parts, or cut. */
  readonly length: number;
  readonly text: string;
}

/** The calls of one worker that looks for strings; a worker has at most one such search open. */
export interface StringsApi {
  /** Opens a file and cuts its present pages into units. Rejects as `SearchApi.openSearch` does. */
  openStrings(lease: Lease, request: StringsRequest): Promise<StringsPlan>;
  /**
   * The strings that begin in one unit, about 1 MiB of pages: from its start, or from the block offset `from` on. At most
   * MAX_UNIT_STRINGS.
   */
  stringsUnit(unit: number, from: number | null): Promise<UnitStrings>;
  closeStrings(): Promise<void>;
}
