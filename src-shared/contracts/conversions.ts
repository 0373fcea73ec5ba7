/**
 * Conversions: a saved VM's file in another form, or a part of it, beside the one that stays as it is. Implemented by
 * src-main/convert.
 */
import type { Failure } from './failure';

export type ConversionId = string & { readonly conversionId: unique symbol };

/**
 * `mapped-ram`: what QEMU ≥ 9.0 reads by position. `stream`: an ordinary migration stream, which any QEMU reads from its start.
 * `raw`: the bytes of one RAMBlock, or of a part of it, holes as holes. `bytes`: the file's own bytes. `elf`: a core file of
 * the guest's physical memory. `devices`: their state as JSON. `report`, `report-json`: what is known of the file.
 */
export type ConversionFormat = 'mapped-ram' | 'stream' | 'raw' | 'bytes' | 'elf' | 'devices' | 'report' | 'report-json';

export interface ConversionOptions {
  /** A file, also as `FILE,offset=SIZE`, or the id of a snapshot in the library. */
  readonly source: { readonly path: string } | { readonly snapshot: string };
  readonly to: ConversionFormat;
  /** Absolute path of the file to make. It must not exist: nothing is written over. */
  readonly target: string;
  /** For `raw`: which RAMBlock; null: the largest one. */
  readonly block: string | null;
  /** For `raw` with a block, in bytes from its start; for `bytes`, of the file. `end` is one past the last; null: all. */
  readonly range: { readonly start: number; readonly end: number } | null;
}

export interface ConversionProgress {
  readonly phase: 'converting' | 'flushing';
  readonly elapsedMs: number;
  /** Bytes taken from the source and bytes put into the target so far. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes per second put into the target, as a mean of the last seconds. */
  readonly bytesPerSecond: number;
  /** 0 … 1 of the phase; null while nobody can know. */
  readonly fraction: number | null;
  /** Until the phase is over; null when unknown. */
  readonly secondsLeft: number | null;
}

export type ConversionOutcome =
  /** The file is on stable storage under its name. Sizes in bytes. */
  | { readonly kind: 'done'; readonly fileBytes: number; readonly bytesOnDisk: number }
  /** Nothing is left of the target. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'cancelled' };

export interface ConversionJob {
  readonly id: ConversionId;
  /** What the source is called: the snapshot's name, or the file's. */
  readonly name: string;
  readonly options: ConversionOptions;
  readonly startedAt: string;
  readonly progress: ConversionProgress;
  readonly cancelling: boolean;
  readonly outcome: ConversionOutcome | null;
}

export interface ConversionsApi {
  /** Resolves as soon as the job is accepted; progress comes as events. Rejects with `file.exists` when the target exists. */
  begin(options: ConversionOptions): Promise<ConversionJob>;
  /** Running jobs and the ones that ended since the app started, newest first. */
  jobs(): Promise<readonly ConversionJob[]>;
  /** Resolves when nothing is left of the target. Cancelling a job that has ended does nothing. */
  cancel(job: ConversionId): Promise<void>;
}
