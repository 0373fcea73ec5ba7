/** What a row of the matrix is, and what one run of it gives. */
import type { Bounds } from './bounds';
import type { BenchVm } from './vm';

export interface Mode {
  /** Of the series: `file:`, `mapped-ram + multifd` … Rows with one name stand together. */
  readonly name: string;
  /** `synthetic guest`: Stillframe on a guest of its own, which says what it has written. */
  readonly who: 'QEMU' | 'Stillframe' | 'synthetic guest';
  /** The guest goes on dirtying all of its memory; else it is stopped first, and that counts. */
  readonly live: boolean;
  /** How the file gets to stable storage. */
  readonly flush: string;
  run(bench: Bench): Promise<Run>;
}

/** What every run gets. */
export interface Bench {
  readonly vm: BenchVm;
  /** An empty folder on the disk that is measured, of this run alone. */
  readonly folder: string;
  /** A live run that is not over after this has not converged. */
  readonly limitMs: number;
  readonly bounds: Bounds;
}

export interface Run {
  /** A live save that does not come to an end is given up, or finished with the guest stopped. */
  readonly end: 'done' | 'finished stopped' | 'given up';
  /** From the first command, `stop` included, until everything was written. */
  readonly saveMs: number;
  /** How long the guest stood still meanwhile; null: nobody says. */
  readonly stoodMs: number | null;
  /** From then on until it was on stable storage; null where nobody flushes. */
  readonly flushMs: number | null;
  /** Pages with content that were written, each time they were. */
  readonly pages: number;
  /** The file's length, and what of it takes up space. */
  readonly fileBytes: number;
  readonly allocatedBytes: number;
  /** The longest that a QMP command was not answered, meanwhile; null without QEMU. */
  readonly qmpSaveMs: number | null;
  readonly qmpFlushMs: number | null;
  /** Of everybody who works on the save, without the guest's own. */
  readonly cpuSeconds: number;
  /** What must not be: a sentence each. */
  readonly violations: readonly string[];
}
