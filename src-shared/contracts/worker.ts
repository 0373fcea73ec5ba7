/** What a worker (utility process in the app, worker thread under the CLI) does for main. Implemented by src-worker. */
import type { RamRange } from './library';
import type { InspectReport, LocateQuery, LocateReport } from './inspect';

/**
 * Leave to use a file that main holds open. `path` is `/proc/PID/fd/N` of main, so that the worker reopens the very same
 * inode with flags of its own, even if the name is gone; `dev` and `ino` are what it must find there.
 */
export interface Lease {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  /** What to call the file in messages. */
  readonly name: string;
  /** Where the stream starts, from `FILE,offset=SIZE`; null: find it. */
  readonly streamOffset: number | null;
}

export interface SavedCheck {
  /** The stream parsed to its end and every present page has data under it. */
  readonly ok: boolean;
  /** What is wrong, when it is not ok: a sentence each. */
  readonly wrong: readonly string[];
  /** False on a file system that cannot tell holes from data: lost writes cannot be ruled out there. */
  readonly holesKnown: boolean;
  readonly report: InspectReport;
}

/** The steps that `SavesApi` asks for. Small steps, so that a cancel is never far away and progress needs no callback. */
export interface WorkerApi {
  /** Answers with the worker's pid; proves it is alive. */
  hello(): Promise<{ readonly pid: number }>;
  inspect(lease: Lease): Promise<InspectReport>;
  /** Whether the VM ran when it was saved, as a libvirt image's header says; null for a plain QEMU stream. */
  wasRunning(lease: Lease): Promise<boolean | null>;
  locate(lease: Lease, query: LocateQuery, ramMap: readonly RamRange[]): Promise<LocateReport>;
  /** After QEMU's `completed`: parses to the end and looks for present pages without bytes. */
  checkSaved(lease: Lease): Promise<SavedCheck>;
  /** Writes back one range and waits for it (sync_file_range). */
  writeBack(lease: Lease, offset: number, length: number): Promise<void>;
  /** fdatasync of the file. */
  dataSync(lease: Lease): Promise<void>;
  /** fsync of a folder, by path. */
  syncFolder(path: string): Promise<void>;
}
