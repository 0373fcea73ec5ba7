/** Saves: from a VM to a sealed snapshot. Implemented by src-main/snapshots. */
import type { Failure } from './failure';
import type { ChannelLane } from './lanes';
import type { MachineId } from './machines';

export type JobId = string & { readonly jobId: unique symbol };

/**
 * Who writes the file. `native`: QEMU itself, with mapped-ram and multifd. `channels`: our workers copy the shared memory of
 * a paused VM. `ingest`: QEMU writes an ordinary stream into a pipe, and a worker lays it out as mapped-ram on the way.
 */
export type EngineName = 'native' | 'channels' | 'ingest';

/**
 * How a file gets to stable storage. `none`: not at all, the snapshot is not durable. `end`: one fdatasync when everything is
 * written. `ranged`: written back range by range while the channels run, then an fdatasync of what is left. `direct`: past the
 * page cache, then an fdatasync of what the file system keeps about it.
 */
export type FlushPolicy = 'none' | 'end' | 'ranged' | 'direct';

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
  /** `auto`: the engine that is fastest on this VM and QEMU, which is said with its reason. */
  readonly engine: EngineName | 'auto';
  /** `auto`: `direct` with direct I/O where the file system takes it, else `ranged`. */
  readonly flush: FlushPolicy | 'auto';
  /**
   * With `after: 'quit'`: QEMU is ended, and its memory given back, as soon as everything is written and before it is flushed.
   * If the machine loses power before the flush is over, both the VM and the snapshot are lost.
   */
  readonly releaseEarly: boolean;
  /** A live save that takes longer is finished with the guest paused. Seconds. */
  readonly liveLimitSeconds: number;
  /** Bytes per second that are written at most, so that other work has the disk too; null: as fast as it goes. */
  readonly rateLimit: number | null;
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

/** What the `auto`s of the options became. */
export interface SavePlan extends EngineChoice {
  /** 1 … 16; 1 for `ingest`, which has one worker. */
  readonly channels: number;
  readonly directIo: boolean;
  readonly flush: FlushPolicy;
}

export interface SaveProgress {
  readonly phase: SavePhase;
  /** A finer word for people: "copying pages", "taking the device state", "joining". */
  readonly step: string;
  /** Absent until it is settled. */
  readonly plan?: SavePlan;
  /** In the order of the channels; empty or absent for `native` saves: QEMU does not tell of its channels. */
  readonly lanes?: readonly ChannelLane[];
  /** Bytes of the file in which the lanes write: where the last page region ends. */
  readonly fileExtent?: number;
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
  /** `ended`: QEMU was released before the flush (`releaseEarly`) and is gone, and the guest with it. */
  readonly guest: 'running' | 'paused' | 'ended';
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
  readonly engine: EngineName;
  readonly channels: number;
  readonly directIo: boolean;
  readonly flush: FlushPolicy;
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

/** One engine and whether it can save this VM, as a sentence without its full stop where it cannot. */
export interface EngineOutlook {
  readonly engine: EngineName;
  /** Why not; null: it can. */
  readonly blocked: Readonly<Record<SaveOptions['mode'], string | null>>;
}

/** An engine and why it is taken, as a sentence: "The VM's memory is shared, so channels copy it without QEMU." */
export interface EngineChoice {
  readonly engine: EngineName;
  readonly why: string;
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
  readonly engines: readonly EngineOutlook[];
  /** null for a mode in which no engine can save this VM. */
  readonly auto: Readonly<Record<SaveOptions['mode'], EngineChoice | null>>;
  /** Writable disks that go on changing when the VM runs on after the save. */
  readonly writableDisks: readonly string[];
}

export interface SavesApi {
  outlook(machine: MachineId): Promise<SaveOutlook>;
  /** Resolves as soon as the job is accepted; progress comes as events. */
  begin(options: SaveOptions): Promise<SaveJob>;
  /** Running jobs and the ones that ended since the app started, newest first. */
  jobs(): Promise<readonly SaveJob[]>;
  /**
   * Resolves when the VM and the library are as they were. Cancelling a job that has ended does nothing. Of a VM that was
   * released early nothing but the snapshot is left: a cancel then ends the flush, and the snapshot is sealed as not durable.
   */
  cancel(job: JobId): Promise<void>;
}
