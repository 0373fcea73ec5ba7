/** Steps on whole files that saves and loads by channels need from a worker. Implemented by src-worker/io. */
import type { Lease } from './lease';

/** Stretches of a file as start and end, in turn: `[0, 4096, 8192, 12288]`. Ascending, not touching. */
export type Stretches = readonly number[];

export interface RamFilesApi {
  /**
   * Where `[offset, offset + length)` of a file has data, by SEEK_DATA: memory that was never touched is not in it. At most
   * `most` stretches at a time; `next` is where to go on, null at the end.
   */
  dataIn(
    lease: Lease,
    offset: number,
    length: number,
    most: number,
  ): Promise<{ readonly data: Stretches; readonly next: number | null }>;
  /**
   * Makes the file `size` bytes long and allocates the stretches (fallocate). False: the file system cannot allocate. A save
   * needs the length alone, so that no write has to grow the file: channels make room for long runs themselves, exactly.
   */
  allocate(lease: Lease, size: number, stretches: Stretches): Promise<boolean>;
  /** Makes the stretches read as zeros: long ones become holes, short ones, and all where there are no holes, are written. */
  punch(lease: Lease, stretches: Stretches): Promise<void>;
  /** Writes zeros over the stretches, which keep their room. Ten times as fast as holes where they are short. */
  zero(lease: Lease, stretches: Stretches): Promise<void>;
  /** A slice of a block's bitmap in the file, from a page that is a multiple of 8 on, in little-endian words. */
  readBitmap(lease: Lease, block: string, firstPage: number, pages: number): Promise<Uint8Array>;
}
