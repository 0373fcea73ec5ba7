/**
 * What differs between two mapped-ram files of one VM: memory page by page, devices field by field. Implemented by
 * src-worker/diff; several workers compare one pair of files, driven by src-shared/diff/drive.
 */
import type { Lease } from './lease';
import type { RamRange } from './library';

export interface DiffPlan {
  /** `diffUnit` takes 0 … units − 1. Every worker that opens the same files has the same units. */
  readonly units: number;
  /** Bytes of the pages that are read, of both files together. */
  readonly bytes: number;
  /** Every block of either file: those of the first in its order, then those that only the second has. */
  readonly blocks: readonly DiffedBlock[];
  /** Blocks that cannot be compared: their pages differ in size. */
  readonly apart: readonly ApartBlock[];
}

export interface ApartBlock {
  readonly name: string;
  readonly pageSizeA: number;
  readonly pageSizeB: number;
}

export interface DiffedBlock {
  readonly name: string;
  /** Of the file that has it; the same in both. */
  readonly pageSize: number;
  /** Pages of the block in each file, present or not; null where the file has no such block. */
  readonly pagesA: number | null;
  readonly pagesB: number | null;
}

/** How a page differs. Runs name it by its number in this list. */
export const PAGE_CHANGES = ['added', 'removed', 'changed'] as const;
export type PageChange = (typeof PAGE_CHANGES)[number];

/**
 * Counts of pages that differ. An absent page is the same as one of zeros. `added`: only the second file has it, and it is
 * not zero; `removed`: only the first one has it, and it is not zero; `changed`: both have it, with other bytes.
 */
export interface PageCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

/** A guest-physical range and how many of its pages differ. */
export interface AddressCounts extends PageCounts, RamRange {}

export interface UnitDiff extends PageCounts {
  readonly block: string;
  /** Runs of pages that differ in one way, in order: first page, number of pages and number in PAGE_CHANGES, in turn. */
  readonly runs: readonly number[];
  /** Bytes of pages that were read, of both files together. */
  readonly bytes: number;
}

/** A number (a decimal text past 2^53), a text, bytes as a text such as `7f 00`; null: the device has no such field. */
export type FieldScalar = number | string | boolean | null;

/** A field that differs. */
export interface FieldDiff {
  /** As `devices` names it, e.g. `env.eip` or `config[16]`. */
  readonly field: string;
  readonly a: FieldScalar;
  readonly b: FieldScalar;
}

/** A device that differs. */
export interface DeviceDiff {
  readonly name: string;
  readonly instance: number;
  readonly state: 'added' | 'removed' | 'changed';
  /** Bytes of its section that differ; for a device that one file lacks, all of them. */
  readonly changedBytes: number;
  /** Empty for an added or removed device, and where no description tells of its fields. */
  readonly fields: readonly FieldDiff[];
  /** Whether more fields differ than are listed. */
  readonly more: boolean;
}

/** The calls of one worker that compares; a worker has at most one pair of files open. */
export interface DiffApi {
  /**
   * Opens two files and cuts their pages into units. Replaces what was open. `block` null: all. Rejects with `usage` where
   * there is no such block, `format.unsupported` for files whose pages have no fixed place, or when the pages of all blocks
   * differ in size.
   */
  openDiff(a: Lease, b: Lease, block: string | null): Promise<DiffPlan>;
  /** Compares one unit, some tens of MiB. */
  diffUnit(unit: number): Promise<UnitDiff>;
  closeDiff(): Promise<void>;
  /** Compares the devices of two files of any kind, paired by name and instance. */
  diffDevices(a: Lease, b: Lease): Promise<readonly DeviceDiff[]>;
}
