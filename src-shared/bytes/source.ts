import type { ByteCount, FileOffset } from './units';

/** A stretch of a file that has bytes on disk, or one that has none and reads as zeros. */
export interface Extent {
  readonly kind: 'data' | 'hole';
  readonly offset: FileOffset;
  readonly length: ByteCount;
}

/**
 * What every reader here reads through, so that the same parser runs over a file, a buffer or a port.
 *
 * Positional only: there is no file position to share or to lose.
 */
export interface ByteSource {
  /** What to call it in messages: usually the path. */
  readonly name: string;
  /** The length in bytes, as of now. */
  size(): Promise<ByteCount>;
  /**
   * Reads at most `length` bytes at `offset`. Shorter only where the file ends; a read that starts at or past the end
   * returns an empty array. I/O failures reject with a StillframeError.
   */
  read(offset: FileOffset, length: ByteCount): Promise<Uint8Array>;
  /**
   * The extent that holds `offset`, to its full known length (at most to the end of the file); null at or past the end.
   * A source that cannot tell holes reports data.
   */
  extentAt(offset: FileOffset): Promise<Extent | null>;
  close(): Promise<void>;
}
