import type { ByteCount, FileOffset } from './units';

/** A stretch of a file. */
export interface Range {
  readonly offset: FileOffset;
  readonly length: ByteCount;
}
