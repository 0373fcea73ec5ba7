/** Machines: VMs known, running or attached. Implemented by src-main/machines. */
import type { Failure } from './failure';
import type { JobId } from './saves';

export type MachineId = string & { readonly machineId: unique symbol };

/**
 * What is needed to start a VM again. `argv` is the person's own command line without the program; what Stillframe adds
 * (QMP sockets, `-incoming`, `-S`) is never part of it.
 */
export interface Recipe {
  readonly name: string;
  readonly program: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * `stopped-after-save` is QEMU's `postmigrate`: it refuses another save until resumed.
 * `lost` is a VM whose QEMU runs but whose monitor no longer answers; `why` says so in `Machine.trouble`.
 */
export type MachineState = 'off' | 'starting' | 'running' | 'paused' | 'stopped-after-save' | 'lost';

/** What a running QEMU said of itself. */
export interface MachineFacts {
  readonly qemuVersion: string;
  /** The versioned type, e.g. `pc-q35-10.0`. */
  readonly machineType: string;
  readonly accelerator: 'tcg' | 'kvm' | 'other';
  readonly cpuModel: string | null;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly hasDisplay: boolean;
  /**
   * Whether all of its RAM is in files that others can map (`share=on`), so that channels can copy it; `private`: only QEMU
   * has it. Null or absent: unknown.
   */
  readonly memory?: 'shared' | 'private' | null;
  /** Why a save is impossible on this QEMU or VM right now, in QEMU's words where it has any; null when it is possible. */
  readonly saveBlocked: string | null;
}

/** The picture of a VM's screen. `url` is only good inside the app; a new `sequence` means a new picture. */
export interface Frame {
  readonly url: string;
  readonly sequence: number;
  readonly at: string;
}

export interface Machine {
  readonly id: MachineId;
  readonly name: string;
  readonly origin: 'started' | 'attached';
  readonly state: MachineState;
  readonly pid: number | null;
  /** The QMP socket that Stillframe itself uses. */
  readonly qmp: string | null;
  /** A second QMP socket, free for the person's own tools; only VMs that Stillframe started have one. */
  readonly toolsQmp: string | null;
  readonly facts: MachineFacts | null;
  readonly recipe: Recipe | null;
  readonly saving: JobId | null;
  readonly frame: Frame | null;
  /** When the state was entered, ISO 8601. */
  readonly since: string;
  /** Newest snapshot taken of this machine, if any. */
  readonly lastSave: { readonly snapshot: string; readonly at: string } | null;
  readonly snapshotCount: number;
  /**
   * Why a VM that Stillframe started has memory of its own instead of shared memory, as a sentence without its full stop;
   * null when it is shared, and when Stillframe has nothing to do with it.
   */
  readonly privateRam: string | null;
  readonly trouble: Failure | null;
}

/** A QEMU of this user that Stillframe did not start, found in /proc. */
export interface ForeignQemu {
  readonly pid: number;
  readonly name: string;
  readonly program: string;
  readonly memoryBytes: number | null;
  readonly accelerator: string | null;
  readonly qemuVersion: string | null;
  readonly keeper: 'nobody' | 'libvirt';
  /** The socket to attach to; null when there is none that could be used. */
  readonly qmp: string | null;
  /** One sentence: what can be done, or why nothing can. */
  readonly verdict: string;
  readonly attachable: boolean;
}

/** The short form: enough for a VM without a hand-written command line. */
export interface MachineForm {
  readonly name: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly accelerator: 'tcg' | 'kvm';
  /** A disk image or ISO to boot from; null for none. */
  readonly disk: string | null;
  readonly cdrom: string | null;
}

export type NewMachine =
  | { readonly kind: 'recipe'; readonly recipe: Recipe }
  | { readonly kind: 'command-line'; readonly name: string; readonly commandLine: string; readonly cwd: string | null }
  | { readonly kind: 'form'; readonly form: MachineForm }
  | {
      readonly kind: 'demo';
      readonly memoryMiB?: number;
      readonly dirtyMiB?: number;
      readonly dirtyMiBPerSecond?: number;
    };

export interface MachinesApi {
  list(): Promise<readonly Machine[]>;
  /** Makes a machine known; does not start it. */
  add(machine: NewMachine): Promise<Machine>;
  start(id: MachineId): Promise<Machine>;
  pause(id: MachineId): Promise<Machine>;
  resume(id: MachineId): Promise<Machine>;
  /** Ends the VM's QEMU at once; the guest gets no chance to shut down. */
  powerOff(id: MachineId): Promise<Machine>;
  /** Forgets a machine that is off or attached; no snapshot and no disk is touched, an attached VM runs on. */
  forget(id: MachineId): Promise<void>;
  attach(qmpSocket: string): Promise<Machine>;
  foreign(): Promise<readonly ForeignQemu[]>;
}
