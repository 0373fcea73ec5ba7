/** Saves: from a VM to a sealed snapshot. Implemented by src-main/snapshots. */
import type { Failure } from './failure';
import type { MachineId } from './machines';

export type JobId = string & { readonly jobId: unique symbol };

export interface SaveOptions {
  readonly machine: MachineId;
  /** Name of the snapshot, unique in the library; null lets Stillframe name it. */
  readonly name: string | null;
  readonly note: string;
  /** `live`: the guest runs while its memory is written; `paused`: it is stopped first. */
  readonly mode: 'live' | 'paused';
  /** 1 … 16 */
  readonly channels: number;
  readonly directIo: boolean;
  readonly after: 'run' | 'pause' | 'quit';
  /** `none`: not flushed to stable storage; the library then says "not durable". */
  readonly flush: 'full' | 'none';
  /** A live save that takes longer is finished with the guest paused. Seconds. */
  readonly liveLimitSeconds: number;
  /** Folder to write the snapshot to instead of the library; null for the library. */
  readonly out: string | null;
}

export type SavePhase = 'preparing' | 'writing' | 'flushing' | 'sealing';

/** One pass over the guest's RAM, as QEMU counts them (`dirty-sync-count`). */
export interface SavePass {
  readonly number: number;
  readonly pagesWritten: number;
  readonly bytesWritten: number;
  readonly zeroPages: number;
  /** Pages found dirty at the end of the pass; null while it runs. */
  readonly pagesDirtied: number | null;
  readonly milliseconds: number;
}

export interface SaveProgress {
  readonly phase: SavePhase;
  /** A finer word for people: "checking that every page has its bytes". */
  readonly step: string;
  readonly elapsedMs: number;
  /** Milliseconds spent in each phase so far. */
  readonly phaseMs: Readonly<Record<SavePhase, number>>;
  readonly pass: number;
  readonly passes: readonly SavePass[];
  readonly bytesWritten: number;
  /** What this pass still has to write; null before QEMU says. */
  readonly bytesRemaining: number | null;
  readonly ramBytes: number;
  readonly pagesWritten: number;
  readonly pageSize: number;
  readonly bytesPerSecond: number;
  readonly pagesPerSecond: number;
  readonly dirtyBytesPerSecond: number | null;
  /** null: unknown, e.g. the guest dirties as fast as it is written. */
  readonly secondsLeft: number | null;
  /** 0 … 1 of the current phase; null when unknown. */
  readonly phaseFraction: number | null;
  readonly guest: 'running' | 'paused';
  /** Why a live save is now being finished paused; null while it is live. */
  readonly finishingPaused: string | null;
  readonly fileBytesOnDisk: number;
  readonly fileBytesAtMost: number;
  readonly freeBytes: number;
  readonly notices: readonly string[];
}

export interface SaveTimings {
  readonly totalMs: number;
  /** How long the guest did not run because of the save; for a guest that stays stopped, until the file was written. */
  readonly pausedMs: number;
  readonly writingMs: number;
  readonly flushingMs: number;
  readonly sealingMs: number;
}

/** What `stillframe save --json` prints. */
export interface SaveResult {
  readonly snapshot: string;
  readonly memoryFile: string;
  readonly engine: 'native';
  readonly channels: number;
  readonly directIo: boolean;
  readonly bytesWritten: number;
  readonly pagesWritten: number;
  readonly timings: SaveTimings;
  readonly durable: boolean;
}

export type SaveOutcome =
  | { readonly kind: 'saved'; readonly result: SaveResult }
  /** `vm` says in one sentence what became of the VM. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly vm: string }
  | { readonly kind: 'cancelled'; readonly vm: string };

export interface SaveJob {
  readonly id: JobId;
  readonly machine: MachineId;
  readonly machineName: string;
  /** The name the snapshot will have. */
  readonly name: string;
  readonly options: SaveOptions;
  readonly startedAt: string;
  /** Where the unfinished file is. */
  readonly place: string;
  readonly progress: SaveProgress;
  readonly cancelling: boolean;
  readonly outcome: SaveOutcome | null;
}

/** What the Save dialog shows before anything is done. Nothing is changed on the VM to find out. */
export interface SaveOutlook {
  /** Why no save is possible; null when it is. */
  readonly blocked: Failure | null;
  /** Why this VM can be saved paused but not while it runs, as a sentence without its full stop; null when both work. */
  readonly liveBlocked: string | null;
  readonly suggestedName: string;
  readonly ramBytes: number;
  /** A paused save writes what was ever touched; a live one may get to all of RAM. */
  readonly fileBytesAtMost: Readonly<Record<SaveOptions['mode'], number>>;
  readonly freeBytes: number;
  readonly directIoPossible: boolean;
  readonly mappedRam: boolean;
  /** Writable disks that go on changing when the VM runs on after the save. */
  readonly writableDisks: readonly string[];
}

export interface SavesApi {
  outlook(machine: MachineId): Promise<SaveOutlook>;
  /** Resolves as soon as the job is accepted; progress comes as events. */
  begin(options: SaveOptions): Promise<SaveJob>;
  /** Running jobs and the ones that ended since the app started, newest first. */
  jobs(): Promise<readonly SaveJob[]>;
  /** Resolves when the VM and the library are as they were. Cancelling a job that has ended does nothing. */
  cancel(job: JobId): Promise<void>;
}
