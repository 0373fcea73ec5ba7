/** The library of snapshots, and restoring from it. Implemented by src-main/snapshots. */
import type { ByteCount, GuestPhysical, BlockOffset } from '../bytes/units';
import type { Machine, Recipe } from './machines';
import type { EngineName, SaveOptions, SaveTimings } from './saves';

/** A stretch of guest-physical addresses and the part of a RAMBlock behind it. */
export interface RamRange {
  readonly block: string;
  readonly blockOffset: BlockOffset;
  readonly guestPhysical: GuestPhysical;
  readonly length: ByteCount;
}

/** A disk as it was when the VM was saved. */
export interface DiskIdentity {
  readonly node: string;
  readonly path: string;
  readonly format: string;
  readonly writable: boolean;
  readonly size: number;
  /** Time of the last write in milliseconds since 1970, with fractions; 0 for a block device, which does not keep one. */
  readonly mtimeMs: number;
  /** Lower-case hex sha256 of the first 64 KiB, which hold a qcow2 header; null when they cannot be read. */
  readonly headerSha256: string | null;
}

/** Where the digests of a snapshot's RAM are. */
export interface DigestsRef {
  readonly algorithm: 'xxh3-64';
  /** Bytes of a RAMBlock under each digest. */
  readonly unitBytes: number;
  /** Name of the file in the snapshot's folder. */
  readonly file: string;
}

/** manifest.json of a snapshot folder. Read from elsewhere too, so it is checked field by field before use. */
export interface Manifest {
  readonly formatVersion: 1;
  readonly name: string;
  readonly note: string;
  readonly machineName: string;
  readonly recipe: Recipe | null;
  readonly qemuVersion: string;
  readonly machineType: string;
  readonly accelerator: string;
  readonly cpuModel: string | null;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly savedAt: string;
  /** Whether the guest ran when the save began: decides whether it runs after a restore. */
  readonly wasRunning: boolean;
  readonly engine: EngineName;
  /** The digests of RAM in `file`, taken while it was copied; null when none were. */
  readonly digests: DigestsRef | null;
  readonly mode: SaveOptions['mode'];
  /** Set when a live save had to be finished with the guest paused. */
  readonly finishedPaused: string | null;
  readonly channels: number;
  readonly directIo: boolean;
  readonly durable: boolean;
  readonly bytesWritten: number;
  readonly pagesWritten: number;
  readonly timings: SaveTimings;
  readonly memoryFileBytes: number;
  readonly blocks: readonly {
    readonly name: string;
    readonly usedLength: number;
    readonly pageSize: number;
    readonly pagesTotal: number;
    readonly pagesPresent: number;
  }[];
  readonly ramMap: readonly RamRange[];
  readonly disks: readonly DiskIdentity[];
}

export type SnapshotId = string & { readonly snapshotId: unique symbol };

export type SnapshotState =
  | { readonly kind: 'good'; readonly durable: boolean }
  /** A bare file that was imported: nothing but the file is known. */
  | { readonly kind: 'imported' }
  | { readonly kind: 'interrupted'; readonly why: string }
  /** A folder that is no good snapshot: no manifest, no memory file … */
  | { readonly kind: 'damaged'; readonly why: string };

export interface SnapshotEntry {
  readonly id: SnapshotId;
  readonly name: string;
  readonly note: string;
  readonly state: SnapshotState;
  /** The snapshot's folder; for an import, the folder of the file. */
  readonly folder: string;
  readonly memoryFile: string | null;
  /** Where the stream starts in the memory file, when that is known beforehand (`FILE,offset=SIZE`); null: it is looked for. */
  readonly streamOffset: number | null;
  readonly machineName: string | null;
  readonly savedAt: string | null;
  readonly ramBytes: number | null;
  readonly fileBytes: number;
  readonly bytesOnDisk: number;
  readonly manifest: Manifest | null;
  /** Picture of the guest's screen; only good inside the app. */
  readonly screenUrl: string | null;
}

export interface LibraryOverview {
  readonly folder: string;
  readonly freeBytes: number;
  readonly entries: readonly SnapshotEntry[];
}

export interface LibraryApi {
  overview(): Promise<LibraryOverview>;
  rename(id: SnapshotId, name: string): Promise<SnapshotEntry>;
  setNote(id: SnapshotId, note: string): Promise<SnapshotEntry>;
  /** To the trash. An import is only forgotten: its file is not ours. */
  moveToTrash(id: SnapshotId): Promise<void>;
  reveal(id: SnapshotId): Promise<void>;
  /** Makes a bare QEMU or libvirt file known without copying it. */
  importFile(path: string): Promise<SnapshotEntry>;
}

export type FindingCode =
  | 'file'
  | 'file-incomplete'
  | 'no-recipe'
  | 'qemu'
  | 'qemu-older'
  | 'machine-type'
  | 'accelerator'
  | 'cpu-model'
  | 'disk-missing'
  | 'disk-written'
  | 'disk'
  | 'durability';

export interface Finding {
  readonly code: FindingCode;
  /** `ask`: restore only when the person accepts this finding; `stop`: it cannot be restored. */
  readonly level: 'ok' | 'note' | 'ask' | 'stop';
  readonly text: string;
  /** What the tick box says, for `ask`. */
  readonly acceptText: string | null;
  /** Tells apart findings of one code, e.g. the disk's path. */
  readonly key: string;
}

/**
 * Who brings the memory in. `native`: QEMU reads the mapped-ram file. `channels`: our workers put the pages into shared memory
 * and QEMU reads the device state alone. `emit`: QEMU reads an ordinary stream that a worker makes of the file.
 */
export type LoadEngine = 'native' | 'channels' | 'emit';

/** Whether a load engine can bring this snapshot in. */
export interface LoadEngineOutlook {
  readonly engine: LoadEngine;
  /** Why not, as a sentence without its full stop; null: it can. */
  readonly blocked: string | null;
}

/** What loads are possible here, and which one `auto` takes and why, as a sentence. */
export interface LoadOutlook {
  readonly engines: readonly LoadEngineOutlook[];
  /** null when no engine can. */
  readonly auto: { readonly engine: LoadEngine; readonly why: string } | null;
}

export interface Preflight {
  readonly snapshot: SnapshotId;
  readonly checkedAt: string;
  readonly findings: readonly Finding[];
  /** Absent when it was not looked into, e.g. because the file is damaged. */
  readonly load?: LoadOutlook;
}

export interface RestoreOptions {
  /** `auto`: `native` where QEMU can, else `channels` where the VM's memory can be shared, else `emit`. */
  readonly engine: LoadEngine | 'auto';
  /** null: run if it ran when it was saved. */
  readonly then: 'run' | 'pause' | null;
  /** Keys of the `ask` findings that the person accepted. */
  readonly accepted: readonly string[];
}

export interface RestoreResult {
  readonly machine: Machine;
  readonly engine: LoadEngine;
  readonly timings: { readonly totalMs: number; readonly loadingMs: number };
}

export interface RestoresApi {
  preflight(snapshot: SnapshotId): Promise<Preflight>;
  restore(snapshot: SnapshotId, options: RestoreOptions): Promise<RestoreResult>;
}
