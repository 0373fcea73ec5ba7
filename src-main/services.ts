/**
 * What the rooms of main offer each other. The window (shell/) and the command line (cli/) build the same services
 * through `createServices` (compose.ts) and differ only in how a worker is started, how a file goes to the trash and
 * how a person is told.
 */
import type { ChannelSetup } from '@shared/contracts/channels';
import type { BookmarksApi } from '@shared/contracts/bookmarks';
import type { ConversionFormat, ConversionJob, ConversionOptions, ConversionsApi } from '@shared/contracts/conversions';
import type { LibraryApi, RestoresApi, SnapshotEntry, SnapshotId } from '@shared/contracts/library';
import type { Machine, MachineFacts, MachineId, MachinesApi, Recipe } from '@shared/contracts/machines';
import type { SaveJob, SavesApi } from '@shared/contracts/saves';
import type { SourceForm } from '@shared/contracts/transfer';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import type { Channel } from '@shared/multifd/lane';
import type { FileHandle } from 'node:fs/promises';

export type Unsubscribe = () => void;

/** Where things are kept. */
export interface Places {
  /** The user's data directory: known machines, settings. */
  readonly data: string;
  /** Snapshots, one folder each. */
  readonly library: string;
  /** Private (0700) directory for sockets and logs of running VMs; shared by the app and the CLI of one user. */
  readonly run: string;
  /** The project's resources: demo guest. */
  readonly resources: string;
}

// --- qemu/ ---------------------------------------------------------------------------------------------------------

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, Json | undefined>>;
  /** Milliseconds since 1970 by QEMU's clock. */
  readonly at: number;
}

/**
 * A negotiated QMP connection. Every call has a time limit; a peer that dies rejects what is pending (`qemu.gone`), as it
 * does what is asked later. A command that QEMU refuses rejects with `qemu.refused` and QEMU's own description in `what`.
 */
export interface Qmp {
  readonly socketPath: string;
  /** `10.0.2` */
  readonly version: string;
  execute(
    command: string,
    args?: Readonly<Record<string, Json | undefined>>,
    options?: { readonly timeoutMs?: number; readonly fds?: readonly number[] },
  ): Promise<Json>;
  /** The human monitor, for what QMP does not offer (`info mtree -f`). */
  hmp(commandLine: string, timeoutMs?: number): Promise<string>;
  onEvent(listener: (event: QmpEvent) => void): Unsubscribe;
  /** Resolves when the connection has ended, with the reason. */
  readonly closed: Promise<Error>;
  close(): void;
}

/** A QEMU process that we started. */
export interface QemuProcess {
  readonly pid: number;
  readonly qmpSocket: string;
  readonly toolsSocket: string;
  /** What it wrote to stderr so far, at most the last 64 KiB. */
  stderr(): Promise<string>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
}

/** An open file that a QEMU gets with its start. The descriptor stays the caller's to close. */
export interface InheritedFile {
  readonly fd: number;
  /** The arguments that tell QEMU of it, given the number that it has there; only the launch knows the numbers. */
  readonly argv: (number: number) => readonly string[];
}

export interface LaunchOptions {
  readonly recipe: Recipe;
  /** Arguments that Stillframe adds after the recipe's. */
  readonly extraArgv: readonly string[];
  readonly inherit: readonly InheritedFile[];
}

/** The VM's main memory, in a file that has no name. */
export interface SharedRam {
  /** The RAMBlock that is in it, from its first byte to its last. */
  readonly block: string;
  readonly bytes: number;
  /** Open to read and write. Whoever got it closes it; the VM has descriptors of its own. */
  readonly file: FileHandle;
}

export interface StartOptions {
  /** Memory in huge pages that were reserved (`vm.nr_hugepages`); refused where that is not possible. */
  readonly hugePages?: boolean;
}

// --- machines/ -----------------------------------------------------------------------------------------------------

/** MachinesApi and what the other rooms of main need of a machine. */
export interface MachineService extends MachinesApi {
  get(id: MachineId): Promise<Machine>;
  start(id: MachineId, options?: StartOptions): Promise<Machine>;
  /** The live QMP connection of a running machine; rejects with `machine.wrong-state` when it has none. */
  qmp(id: MachineId): Promise<Qmp>;
  facts(id: MachineId): Promise<MachineFacts>;
  /** Marks a machine as being saved (or no longer), so that nothing else touches it meanwhile. */
  setSaving(id: MachineId, job: SaveJob['id'] | null): void;
  /**
   * Starts the recipe with `-incoming defer -S` and the inherited files, not yet loading. The machine appears in the list
   * only when `adopt` is called; `abandon` kills the process and leaves nothing.
   * `privateRam` says why its memory is not shared, as a sentence without its full stop.
   */
  launchIncoming(options: LaunchOptions): Promise<{
    readonly qmp: Qmp;
    readonly process: QemuProcess;
    readonly privateRam: string | null;
    adopt(): Promise<Machine>;
    abandon(): Promise<void>;
  }>;
  /** Ends the VM's QEMU after a sealed save. */
  quit(id: MachineId): Promise<void>;
  /** Takes a picture of the VM's screen into `pngPath`; false when it has no display. */
  screenshot(id: MachineId, pngPath: string): Promise<boolean>;
  /** The PNG behind `Machine.frame.url`, or null. */
  framePath(id: MachineId): string | null;
  onChange(listener: (machines: readonly Machine[]) => void): Unsubscribe;
  /** Whether pictures of the screens are taken while somebody listens: not while the window is hidden. On at first. */
  setWatching(on: boolean): void;
  /** Lets go of every connection; running VMs go on. */
  dispose(): Promise<void>;
}

// --- files/ --------------------------------------------------------------------------------------------------------

/** Every file that main holds open for somebody, so that none is forgotten. */
export interface FileRegistry {
  /** Takes over an open handle and lends it to workers. */
  lend(
    handle: FileHandle,
    name: string,
    streamOffset?: number | null,
  ): Promise<{ readonly lease: Lease; release(): Promise<void> }>;
  /** Opens read-only and lends; refuses what is not a regular file or block device. */
  lendPath(path: string, streamOffset?: number | null): Promise<{ readonly lease: Lease; release(): Promise<void> }>;
  openCount(): number;
}

// --- workers/ ------------------------------------------------------------------------------------------------------

/** One worker. Its death rejects what is pending with `worker.died`; calls after it reject the same way. */
export interface Worker {
  readonly api: WorkerApi;
  readonly pid: number | null;
  readonly ended: Promise<void>;
  /** Ends it at once; never waits for a system call in progress. */
  stop(): void;
}

export interface WorkerPool {
  /** A worker of one's own, warm if there is one; stop it when done. */
  take(purpose: string): Promise<Worker>;
  dispose(): Promise<void>;
}

/** Workers that copy guest memory as multifd channels. */
export interface ChannelPool {
  /** Starts workers until `count` are ready or starting, ahead of need; at most 16. Returns at once. */
  warm(count: number): void;
  /**
   * `count` (1 … 16) open channels of one's own. Rejects with `file.*` or `channel.not-seekable` when they cannot be opened,
   * with `worker.died` when workers do not start; nothing is kept then.
   */
  open(count: number, setup: ChannelSetup): Promise<ChannelSet>;
  /** Ends all workers, in use or not. Waits for them, but not for one that a system call holds for long. */
  dispose(): Promise<void>;
}

/** Channels that were opened together, to be handed to a `Coordinator`. */
export interface ChannelSet {
  readonly channels: readonly Channel[];
  /** False when one of them goes through the page cache although direct I/O was asked for. */
  readonly directIo: boolean;
  /** Another one, opened alike, for one that died. null after `release`. */
  replace(): Promise<Channel | null>;
  /** Closes their files and gives the workers back. Nobody may be waiting for one of them. */
  release(): Promise<void>;
}

// --- snapshots/ ----------------------------------------------------------------------------------------------------

export interface LibraryService extends LibraryApi {
  get(id: SnapshotId): Promise<SnapshotEntry>;
  /** A library name, a library id, or a path to a snapshot folder. */
  resolve(reference: string): Promise<SnapshotEntry>;
  /** The folder changed: read it again and tell listeners. */
  refresh(): Promise<void>;
  onChange(listener: () => void): Unsubscribe;
  screenPath(id: SnapshotId): string | null;
}

export interface SaveService extends SavesApi {
  /** Resolves when the job has ended, with its last form (`outcome` set). */
  finished(job: SaveJob['id']): Promise<SaveJob>;
  onProgress(listener: (job: SaveJob) => void): Unsubscribe;
  /** Cancels what runs and waits for it. */
  dispose(): Promise<void>;
}

export interface RestoreService extends RestoresApi {
  /**
   * Restores any entry, also one outside the library (a folder given on the command line). `recipe` stands in for the one
   * that a bare file does not have; a snapshot's own recipe goes before it.
   */
  restoreEntry(
    entry: SnapshotEntry,
    options: Parameters<RestoresApi['restore']>[1],
    recipe?: Recipe | null,
  ): ReturnType<RestoresApi['restore']>;
  preflightEntry(entry: SnapshotEntry, recipe?: Recipe | null): ReturnType<RestoresApi['preflight']>;
}

// --- convert/ ------------------------------------------------------------------------------------------------------

export interface Conversion {
  /** `reference`: as `LibraryService.resolve` takes it. A descriptor is one of this process: a file or a pipe. */
  readonly from:
    { readonly kind: 'file'; readonly reference: string } | { readonly kind: 'descriptor'; readonly fd: number };
  readonly to: ConversionFormat;
  /** Of `raw`; null: the largest. */
  readonly block: string | null;
  /** As in `ConversionOptions`. */
  readonly range: ConversionOptions['range'];
  /** A file that is not there yet, or, for a stream, a descriptor of this process. */
  readonly out: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'descriptor'; readonly fd: number };
}

export interface ConvertProgress {
  readonly phase: 'converting' | 'flushing';
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** 0 … 1 of the phase; null while nobody can know. */
  readonly fraction: number | null;
  readonly elapsedMs: number;
}

/** What `stillframe convert --json` prints. */
export interface ConvertResult {
  readonly out: string;
  readonly from: SourceForm;
  readonly to: ConversionFormat;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Pages with bytes, and pages that are zero, each time that the source had them. */
  readonly pages: number;
  readonly zeroPages: number;
  readonly timings: { readonly totalMs: number };
}

export interface ConvertWatch {
  readonly onProgress: (progress: ConvertProgress) => void;
  /** Aborted: the conversion rejects with `convert.cancelled` and leaves nothing. */
  readonly signal: AbortSignal;
}

export interface ConvertService {
  /**
   * Writes a new file, never over anything (`file.exists`, before any work), and gives it its name when it is whole and on stable
   * storage. A descriptor is written as the bytes come. Rejects with `format.*`, `file.*`, `library.unknown`.
   */
  convert(conversion: Conversion, watch: ConvertWatch): Promise<ConvertResult>;
}

/** Conversions, also as jobs that the window shows. */
export interface ConversionService extends ConversionsApi, ConvertService {
  onProgress(listener: (job: ConversionJob) => void): Unsubscribe;
  /** Cancels what runs and waits for it. */
  dispose(): Promise<void>;
}

export interface Services {
  readonly places: Places;
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly channels: ChannelPool;
  readonly machines: MachineService;
  readonly library: LibraryService;
  readonly saves: SaveService;
  readonly restores: RestoreService;
  readonly conversions: ConversionService;
  readonly bookmarks: BookmarksApi;
  dispose(): Promise<void>;
}

/** What differs between the window and the command line. */
export interface Host {
  readonly places: Places;
  readonly startWorker: (purpose: string) => Promise<Worker>;
  readonly trash: (path: string) => Promise<void>;
  readonly reveal: (path: string) => Promise<void>;
}
