/**
 * Comparing an open file with another one, over the inspector's own port. Main introduces the other file (`InspectorApi.introduce`)
 * before it is compared with. Implemented by src-worker/inspector, in the threads that it has for what takes long.
 */
import type { AddressCounts, ApartBlock, DeviceDiff, DiffedBlock, PageChange, PageCounts } from './diff';
import type { MethodNames } from './endpoint';

/** Most runs that one `comparedRuns` call answers. */
export const MAX_RUNS = 512;
/** Most fields of devices that one `comparedDevices` call answers, and the longest text of a value in it. */
export const MAX_DEVICE_FIELDS = 4000;
export const MAX_VALUE = 400;

export interface CompareBegun {
  /** Bytes of present pages that will be read, of both files together. */
  readonly bytes: number;
  /** Every block that is compared: those of this file in its order, then those that only the other has. */
  readonly blocks: readonly DiffedBlock[];
  /** Blocks that are not, since their pages differ in size. */
  readonly apart: readonly ApartBlock[];
}

/** What is known of a block by now. `added`: only the other file has the page; `removed`: only this one. */
export interface ComparedBlock extends PageCounts {
  readonly name: string;
  /** Runs that `comparedRuns` hands out. */
  readonly runs: number;
  /** Pages that differ in further runs: they are counted, not listed. */
  readonly unlisted: number;
}

export interface ComparedStep {
  readonly comparedBytes: number;
  /** In the order of CompareBegun. */
  readonly blocks: readonly ComparedBlock[];
  /** By guest-physical range, ascending; empty when it is not known where the guest had its RAM. */
  readonly addresses: readonly AddressCounts[];
  /** Pages that are in none of these ranges. */
  readonly elsewhere: PageCounts;
  /** All is compared, or nothing is being compared. */
  readonly done: boolean;
}

/** Pages that follow one another and differ in the same way. */
export interface ComparedRun {
  readonly page: number;
  readonly count: number;
  readonly change: PageChange;
}

export interface ComparedDevices {
  readonly devices: readonly DeviceDiff[];
  /** How many devices differ in all. */
  readonly total: number;
}

export interface InspectorCompareApi {
  /**
   * Begins to compare with the file of another session, in place of the comparison under way. `usage` when that was not
   * introduced; `format.unsupported` for a file whose pages have no fixed place.
   */
  beginCompare(other: string): Promise<CompareBegun>;
  /**
   * What is known by now, after at most about 200 ms more of work. It goes on while it is asked for. Rejects, each time that it is
   * asked, when it cannot go on, since what was found is not all then: `usage` when the other file was closed meanwhile.
   */
  nextCompared(): Promise<ComparedStep>;
  /** Runs of a block from number `from` on, at most MAX_RUNS; empty for a block that is not compared. */
  comparedRuns(block: string, from: number, count: number): Promise<readonly ComparedRun[]>;
  /** The run that holds the page, else the nearest one behind it (direction 1) or before it (−1); null when there is none. */
  comparedRun(block: string, page: number, direction: 1 | -1): Promise<ComparedRun | null>;
  /** Devices that differ from the other session's, from number `from` on. Works for files of any kind. */
  comparedDevices(other: string, from: number): Promise<ComparedDevices>;
  /** Ends the comparison and forgets what it found. */
  endCompare(): Promise<void>;
}

export const inspectorCompareMethods: MethodNames<InspectorCompareApi> = {
  beginCompare: true,
  nextCompared: true,
  comparedRuns: true,
  comparedRun: true,
  comparedDevices: true,
  endCompare: true,
};
