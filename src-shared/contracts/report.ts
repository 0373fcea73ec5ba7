/** The report of a file: all that is known of it without its bytes, in one document. Made by src-shared/report. */
import type { RamMapSource } from './guest-bytes';
import type { BlockReport, InspectReport, Problem, SectionReport } from './inspect';
import type { Manifest, RamRange } from './library';

/** What the manifest of the snapshot that the file belongs to adds. */
export type SnapshotFacts = Pick<
  Manifest,
  | 'name'
  | 'machineName'
  | 'savedAt'
  | 'qemuVersion'
  | 'accelerator'
  | 'cpuModel'
  | 'cpus'
  | 'engine'
  | 'mode'
  | 'digests'
>;

/** What a block's bitmap and the file's holes disagree about, in pages. */
export interface PageAllocation {
  /** Bytes on disk under a clear bit. */
  readonly stale: number;
  /** A set bit with a hole under it: a write was lost. */
  readonly lost: number;
}

/** `allocation` null: no pages at fixed places, or the file system does not tell holes. */
export interface ReportBlock extends BlockReport {
  readonly allocation: PageAllocation | null;
}

/** A device's section of the stream; offsets and lengths as in `DeviceReport`. */
export interface ReportDevice {
  readonly name: string;
  readonly instance: number;
  readonly version: number;
  readonly offset: number;
  readonly length: number;
  readonly dataOffset: number;
  readonly dataLength: number;
  /** Whether the VM description tells of its fields. */
  readonly described: boolean;
}

export interface FileReport {
  readonly file: string;
  readonly size: number;
  readonly bytesOnDisk: number;
  readonly container: InspectReport['container'];
  readonly machine: string | null;
  readonly capabilities: readonly string[];
  readonly complete: boolean;
  /** null for a file that is in no snapshot: then nobody knows which QEMU wrote it, and there are no digests. */
  readonly snapshot: SnapshotFacts | null;
  readonly ramBlocks: readonly ReportBlock[];
  readonly ramMap: { readonly source: RamMapSource; readonly ranges: readonly RamRange[] };
  readonly devices: readonly ReportDevice[];
  readonly sections: readonly SectionReport[];
  readonly vmDescription: InspectReport['vmDescription'];
  readonly problems: readonly Problem[];
}
