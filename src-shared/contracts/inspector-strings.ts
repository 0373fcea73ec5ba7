/**
 * Strings in the guest's memory for an inspector, over the inspector's own port. Implemented by src-worker/inspector; found by
 * the threads that search, too.
 */
import type { MethodNames } from './endpoint';
import type { BlockRange } from './search';
import type { StringEncoding } from './strings';

/** Most strings of one listing that are handed out. */
export const MAX_STRINGS = 100_000;
/** Characters of a string's text that are handed out; `length` tells all. */
export const MAX_LISTED_TEXT = 200;
/** Limits of what may be asked for. */
export const LEAST_CHARACTERS = 2;
export const MOST_CHARACTERS = 1000;
export const MAX_FILTER = 200;

export interface StringsWanted {
  readonly encoding: StringEncoding;
  /** Fewest characters of a string: LEAST_CHARACTERS … MOST_CHARACTERS. */
  readonly least: number;
  /** A text that the string has in it, whatever its case; empty: every string. */
  readonly filter: string;
  /** Where strings may begin; null: all of every block. */
  readonly ranges: readonly BlockRange[] | null;
}

/** A string and where it is. */
export interface ListedString {
  readonly block: string;
  readonly blockOffset: number;
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
  /** Bytes. */
  readonly length: number;
  readonly text: string;
}

export interface StringsStep {
  /** In the order of the guest, behind those of the step before. */
  readonly strings: readonly ListedString[];
  /** Bytes read so far. */
  readonly searchedBytes: number;
  /** Nothing follows: all is read, or MAX_STRINGS were handed out, or another listing was begun. */
  readonly done: boolean;
  /** Whether it ended at MAX_STRINGS. */
  readonly more: boolean;
}

export interface InspectorStringsApi {
  /**
   * Begins a listing in place of the one under way. Answers the bytes of present pages that will be read. Rejects with
   * `format.unsupported` for a file whose pages have no fixed place.
   */
  beginStrings(wanted: StringsWanted): Promise<{ readonly bytes: number }>;
  /** What was found since the last call; answers at the latest after about 200 ms. */
  nextStrings(): Promise<StringsStep>;
  /** Ends the listing under way, if any. */
  endStrings(): Promise<void>;
}

export const inspectorStringsMethods: MethodNames<InspectorStringsApi> = {
  beginStrings: true,
  nextStrings: true,
  endStrings: true,
};
