/**
 * Turning one form of a saved VM into another: *ingest* (stream to mapped-ram), *emit* (mapped-ram to stream), *raw* (one
 * RAMBlock as an image); and what is taken out of one: a core file, its devices, a report, bytes. And the two halves around
 * RAM that goes by channels: *join* and *split*.
 *
 * Implemented by src-worker/transfer.
 */
import type { Lease } from './lease';
import type { RamRange } from './library';
import type { SnapshotFacts } from './report';
import type { BlockRange } from './search';

/**
 * A transfer is a job of one worker that is driven in steps of about 100 ms, so that progress needs no callback and a cancel
 * is never far away. Source and target may be pipes where that is said; everything else has to be seekable.
 */
export type TransferSetup =
  /**
   * Any legacy stream, from a file or a pipe, to an empty file in mapped-ram format. A mapped-ram file is laid out anew: out of
   * its container and without stale pages.
   */
  | { readonly kind: 'ingest'; readonly source: Lease; readonly target: Lease }
  /** A mapped-ram file to a legacy stream, into an empty file or a pipe. */
  | { readonly kind: 'emit'; readonly source: Lease; readonly target: Lease }
  /** The bytes of one RAMBlock of a mapped-ram file, holes as holes. `block` null: the largest one. */
  | { readonly kind: 'raw'; readonly source: Lease; readonly target: Lease; readonly block: string | null }
  /** A part of one RAMBlock of a mapped-ram file, holes as holes. */
  | { readonly kind: 'range'; readonly source: Lease; readonly target: Lease; readonly range: BlockRange }
  /**
   * A mapped-ram file as an ELF core file: its RAM by guest-physical address, and its CPUs. `ramMap`: the manifest's; empty: as
   * the machine type usually has it.
   */
  | { readonly kind: 'elf'; readonly source: Lease; readonly target: Lease; readonly ramMap: readonly RamRange[] }
  /** The devices of a file of any kind as JSON. */
  | { readonly kind: 'devices'; readonly source: Lease; readonly target: Lease }
  /** A report of a file of any kind. `ramMap` as for `elf`. */
  | {
      readonly kind: 'report';
      readonly source: Lease;
      readonly target: Lease;
      readonly form: 'markdown' | 'json';
      readonly ramMap: readonly RamRange[];
      readonly snapshot: SnapshotFacts | null;
    }
  /** Bytes of any file as they are, from `start` to before `end`; holes as holes. */
  | {
      readonly kind: 'bytes';
      readonly source: Lease;
      readonly target: Lease;
      readonly start: number;
      readonly end: number;
    };

/** What the source of a transfer turned out to be; of `bytes` nobody looks. */
export type SourceForm = 'stream' | 'mapped-ram' | 'file';

export interface TransferProgress {
  readonly done: boolean;
  /** Bytes taken from the source and bytes put into the target so far. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Pages copied; zero pages count separately. */
  readonly pages: number;
  readonly zeroPages: number;
  /** 0 … 1, or null while nobody can know (a stream from a pipe). */
  readonly fraction: number | null;
}

/** A RAMBlock as a device-state stream lists it. */
export interface StreamBlock {
  readonly name: string;
  /** Bytes. */
  readonly usedLength: number;
  /** Whether the stream itself carries pages of it; false: they are in shared memory (x-ignore-shared). */
  readonly inStream: boolean;
}

/** A RAMBlock and its places in a mapped-ram file that is to be written. */
export interface PlannedBlock {
  readonly name: string;
  readonly usedLength: number;
  readonly pageSize: number;
  /** Absolute, multiples of 1 MiB. */
  readonly pagesOffset: number;
}

/** Putting a device state around pages that channels copy. */
export interface JoinSetup {
  /** The device-state stream, whole, in a file. */
  readonly state: Lease;
  /** The file into which the channels put the pages of the blocks in `external`. */
  readonly target: Lease;
  /** Every block, in the order of the stream. */
  readonly plan: readonly PlannedBlock[];
  /** The blocks that may be copied by channels, by name; of these, the ones that the stream has pages of are not. */
  readonly external: readonly string[];
}

/** Present pages of each copied block by name, bit n of byte n >> 3 being page n. */
export type CopiedPages = Readonly<Record<string, Uint8Array>>;

export interface Joined {
  /** Length of the finished file. */
  readonly fileBytes: number;
  /** Pages of the blocks that came out of the stream. */
  readonly streamPages: number;
  readonly presentPages: number;
}

export interface TransferApi {
  /** Opens both ends; replaces a transfer that was under way. Refuses by name what it cannot take, before it writes. */
  beginTransfer(setup: TransferSetup): Promise<SourceForm>;
  /** Works for about 100 ms, or until it is done. After `done` the target is whole but not flushed, and closed. */
  stepTransfer(): Promise<TransferProgress>;
  /** Gives up the transfer under way, if any, and closes its files. */
  endTransfer(): Promise<void>;
  /**
   * Writes what can be written while channels still copy: records, headers, other blocks' pages, devices. Replaces a join that
   * was under way. Answers the stream's blocks.
   */
  beginJoin(setup: JoinSetup): Promise<readonly StreamBlock[]>;
  /** Writes the bitmaps, proves that the file is whole, and only then the bytes that a stream begins with. Ends the join. */
  finishJoin(copied: CopiedPages): Promise<Joined>;
  /**
   * Writes the device-state stream of a mapped-ram file: every block is listed, and all but the blocks in `external` carry
   * their pages (clear ones as ZERO). `target` is an empty file. Answers its length in bytes.
   */
  split(source: Lease, target: Lease, external: readonly string[]): Promise<number>;
}
