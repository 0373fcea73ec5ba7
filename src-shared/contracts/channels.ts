/**
 * What one multifd channel does for the coordinator: copies stretches of RAM between the guest's memory and their fixed
 * places in a mapped-ram file. There are no packets: everything a channel needs to know of a page is where it is.
 *
 * Implemented by src-worker/channels, driven by src-shared/multifd.
 */
import type { Lease } from './lease';

/** Digests are taken of each of these many bytes of a RAMBlock, counted from its start; the last one may be shorter. */
export const DIGEST_BYTES = 1024 * 1024;

/** `none`: leave it to the kernel; `ranged`: start writing back each range as soon as it is written (sync_file_range). */
export type WriteBack = 'none' | 'ranged';

export interface ChannelSetup {
  /** `save`: RAM to file; `load`: file to RAM. */
  readonly direction: 'save' | 'load';
  /** The files that hold guest RAM. Extents name them by index. */
  readonly ram: readonly Lease[];
  /** The mapped-ram file. */
  readonly file: Lease;
  /** Bytes of a target page. */
  readonly pageSize: number;
  /** Past the page cache on the side of the mapped-ram file. */
  readonly directIo: boolean;
  /** Whether a digest of every DIGEST_BYTES is taken on the way; only of extents without a mask. */
  readonly digests: boolean;
  readonly writeBack: WriteBack;
}

export interface ChannelOpened {
  /** False when the file system refused O_DIRECT; the channel then goes through the page cache. */
  readonly directIo: boolean;
  /** Whether the kernel was asked for huge pages behind the buffer, and did not refuse. */
  readonly hugePages: boolean;
}

/**
 * A stretch of one RAMBlock. It starts at a multiple of DIGEST_BYTES of its block and is as long as that or shorter at the
 * block's end, or several of them.
 */
export interface CopyExtent {
  /** Index in `ChannelSetup.ram`. */
  readonly ram: number;
  /** Where it begins in that file of RAM, in bytes. */
  readonly ramOffset: number;
  /** Where it begins in the mapped-ram file, in bytes. */
  readonly fileOffset: number;
  /** Bytes; whole target pages. */
  readonly length: number;
  /**
   * Which of its pages are to be copied: bit n (of byte n >> 3, counted from its lowest bit) is its page n. Absent: all.
   * A load always has one: a page that is not in the file is not touched.
   */
  readonly mask?: Uint8Array;
}

/** What became of one extent of a save. */
export interface SavedExtent {
  /** Bit n: its page n is not zero and was written. Bits of pages outside the mask are 0. */
  readonly present: Uint8Array;
  /** XXH3-64 of every DIGEST_BYTES of it, 8 bytes each, little-endian; empty when digests were not asked for, or masked. */
  readonly digests: Uint8Array;
}

export interface CopyReport {
  /** One for each extent of a save, in their order; empty for a load. */
  readonly saved: readonly SavedExtent[];
  /** Pages copied, and bytes written for them. */
  readonly pages: number;
  readonly bytes: number;
  /** CPU time of the channel's thread for this batch. */
  readonly cpuMs: number;
  /** Wall time inside the batch, without waiting for the next. */
  readonly busyMs: number;
}

/** The calls of one channel; a worker is at most one channel at a time. */
export interface ChannelApi {
  /**
   * Opens the files, makes and prefaults the buffer. Closes what was open before. Rejects with `file.*`, and with
   * `channel.not-seekable` when a file cannot be read or written by position.
   */
  openChannel(setup: ChannelSetup): Promise<ChannelOpened>;
  /**
   * Copies a batch. Repeatable: the same batch again, by this or another channel, gives the same file. Rejects with `file.*`
   * at the first call that fails, with the offset. Nothing of the batch counts as copied then.
   */
  copyExtents(batch: readonly CopyExtent[]): Promise<CopyReport>;
  /** Closes the files; the buffer stays for the next `openChannel`. Never flushes. */
  closeChannel(): Promise<void>;
}
