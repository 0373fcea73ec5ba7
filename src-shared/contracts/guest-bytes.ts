/** Bytes of a file or of the guest's memory, with what they are. Implemented by src-worker/guest. */
import type { Lease } from './lease';
import type { RamRange } from './library';

/** Most bytes that one call answers. */
export const MOST_BYTES_READ = 1024 * 1024;

/**
 * A stretch of one kind. `present`: bytes of pages that are in the file; `lost`: pages that are in the file by the bitmap but
 * have a hole under them, which reads as zeros: a write was lost; `absent`: pages that are not in the file, zeros in the
 * guest. Of a file's own bytes: `data` or `hole`.
 */
export type BytesKind = 'present' | 'lost' | 'absent' | 'data' | 'hole';

export interface BytesPart {
  readonly kind: BytesKind;
  /** Block offset, or file offset for a file's own bytes. */
  readonly offset: number;
  readonly length: number;
  /** null for `absent`, `lost` and `hole`: there are none. */
  readonly bytes: Uint8Array | null;
}

export interface GuestBytes {
  /** One after another, from the offset asked for on; neighbours differ in kind. Shorter than asked where the block ends. */
  readonly parts: readonly BytesPart[];
  /** The block's length in bytes. */
  readonly blockLength: number;
  readonly pageSize: number;
  /** Where the block's first page is in the file. */
  readonly pagesOffset: number;
}

export interface FileBytes {
  readonly parts: readonly BytesPart[];
  readonly size: number;
}

/** Where guest-physical addresses are from: the snapshot's manifest, or the machine type's usual layout. */
export type RamMapSource = 'manifest' | 'machine-type' | 'none';

export interface GuestBytesApi {
  /** Where the guest had its RAM: as in `given` (a manifest's), else worked out; empty when neither tells. */
  ramMap(
    lease: Lease,
    given: readonly RamRange[],
  ): Promise<{ readonly map: readonly RamRange[]; readonly source: RamMapSource }>;
  /**
   * Bytes of a block, at most MOST_BYTES_READ. Rejects with `usage` for a block that is not there or an offset past its end,
   * `format.unsupported` for a file whose pages have no fixed place.
   */
  guestBytes(lease: Lease, block: string, offset: number, length: number): Promise<GuestBytes>;
  /** Bytes of any file, at most MOST_BYTES_READ; `usage` for an offset past its end. */
  fileBytes(lease: Lease, offset: number, length: number): Promise<FileBytes>;
}
