/**
 * A guest that is none: a worker that writes to memory the way a busy VM does and keeps a dirty-page bitmap, so that precopy
 * can be driven, watched and checked without QEMU. Its memory is a file on tmpfs that main lends, as a VM's shared RAM is.
 *
 * Implemented by src-worker/synthetic, driven by src-main/synthetic.
 */
import type { Lease } from './lease';

export interface SyntheticGuestOptions {
  /** Whole pages. */
  readonly ramBytes: number;
  /** Bytes of a target page. */
  readonly pageSize: number;
  /** The part that is written again and again; the rest is written once, before the guest runs. 0: nothing is. */
  readonly workingSetBytes: number;
  /** Pages changed while it runs, in MiB/s; 0: as many as it can. */
  readonly mibPerSecond: number;
  /** Part of the memory, 0 … 1, that nobody writes to before the guest runs; 64 pages in a row each. */
  readonly zeroShare: number;
  /** Part of the writes, 0 … 1, that fill a page with zeros again. */
  readonly zeroAgainShare: number;
  /** Same seed, same memory before it runs. */
  readonly seed: number;
}

export interface SyntheticWritten {
  /** Writes so far since it began to run, and how many of them filled a page with zeros. */
  readonly writes: number;
  readonly zeroed: number;
}

/** The calls of one guest; a worker is at most one guest at a time. */
export interface SyntheticApi {
  /**
   * Opens the memory and writes what is there before the guest runs; it does not run yet. Replaces a guest that was there.
   * Rejects with `usage` for options that make no sense and with `file.*`.
   */
  makeGuest(ram: Lease, options: SyntheticGuestOptions): Promise<void>;
  /** Lets it write, from now on or again. */
  runGuest(): Promise<void>;
  /**
   * The pages written since the last call, bit n of byte n >> 3 being page n; their marks are cleared.
   *
   * The guest marks a page *after* it has written it, and whoever copies pages asks here *before* it reads them. So a page
   * that is written while it is copied is marked again at the next call: no change is lost.
   */
  syncGuest(): Promise<Uint8Array>;
  /** Stops it: when this has resolved, no byte of the memory changes any more. */
  freezeGuest(): Promise<SyntheticWritten>;
  /** Ends it and closes the memory. */
  endGuest(): Promise<void>;
}

/** A save of a synthetic guest by channels. */
export interface SyntheticSaveOptions {
  /** Where the file is to be; nothing may be there. Absolute. */
  readonly out: string;
  /** `live`: precopy; `paused`: the guest is frozen first. */
  readonly mode: 'live' | 'paused';
  /** 1 … 16 */
  readonly channels: number;
  readonly directIo: boolean;
  readonly downtimeMs: number;
  /** Passes, the last one included; at least 2. */
  readonly mostPasses: number;
  /** A live save that takes longer is finished with the guest frozen; null: no limit. */
  readonly liveLimitSeconds: number | null;
  /** Limit in bytes per second; null: none. */
  readonly bytesPerSecond: number | null;
}

export interface SyntheticPass {
  /** From 1. */
  readonly number: number;
  readonly pages: number;
  /** Bytes written for them. */
  readonly bytes: number;
  readonly ms: number;
  /** Pages that the guest changed meanwhile; null for the pass with the frozen guest. */
  readonly dirtied: number | null;
}

/** What `stillframe synthetic --json` prints. */
export interface SyntheticReport {
  readonly file: string;
  readonly channels: number;
  /** False also when the file system refused what was asked for. */
  readonly directIo: boolean;
  /** What was left to copy with the frozen guest was small enough for the downtime limit. */
  readonly converged: boolean;
  /** Why it did not converge, as a sentence; null when it did. */
  readonly why: string | null;
  readonly passes: readonly SyntheticPass[];
  /** How long the guest had stood still when all its pages were copied. */
  readonly downtimeMs: number;
  /** The passes; then everything until the file was durable and had its name. */
  readonly copyMs: number;
  readonly totalMs: number;
  /** fdatasync of the file, which is a part of the total. */
  readonly flushMs: number;
  readonly fileBytes: number;
  readonly allocatedBytes: number;
  readonly presentPages: number;
  /** Pages that were present after any pass. */
  readonly everPresentPages: number;
  /** 10^6 bytes, and pages, written in a second of the passes. */
  readonly mbPerSecond: number;
  readonly pagesPerSecond: number;
  /** CPU time of the channels for each GiB written. */
  readonly cpuSecondsPerGiB: number;
  /** Channels whose worker died; their batches were copied again. */
  readonly deaths: number;
}
