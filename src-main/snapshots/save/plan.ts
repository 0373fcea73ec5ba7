/**
 * Reading everything a save depends on, and refusing before anything is changed. Nothing here changes the VM, so the
 * Save dialog may call it as often as it likes.
 */
import { constants } from 'node:fs';
import { access, readlink, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { Machine, MachineFacts } from '@shared/contracts/machines';
import type { SaveOptions } from '@shared/contracts/saves';
import { readRamFiles, type BlockMemory } from '../../qemu/ram-files';
import type { MachineService, Qmp } from '../../services';
import type { DiskNode } from '../disk-identity';
import { freeBytes } from '../paths';
import {
  isAtRest,
  queryCapabilities,
  queryMigration,
  queryParameters,
  queryRunState,
  type Capabilities,
  type Migration,
  type Parameters,
  type RunState,
} from '../migration';
import { diskNodes, fileBytesAtMost, ramBlockBytes } from './vm-reading';

const DOING = 'preparing the save';

/** What a save found before it began. */
export interface VmReading {
  readonly machine: Machine;
  readonly facts: MachineFacts;
  readonly qmp: Qmp;
  readonly runState: RunState;
  readonly migration: Migration;
  readonly capabilities: Capabilities;
  readonly parameters: Parameters;
  /** Every RAMBlock and where it can be reached. */
  readonly blocks: readonly BlockMemory[];
  readonly ramBytes: number;
  readonly disks: readonly DiskNode[];
}

/** Whether the guest's CPUs would run: `suspended` is a guest asleep (S3), which goes on sleeping. */
export const isRunning = (state: RunState): boolean => state.running || state.status === 'suspended';

/** Reads a VM through its monitor. Rejects with `machine.wrong-state` when it has none. */
export async function readVm(machines: MachineService, id: SaveOptions['machine']): Promise<VmReading> {
  const machine = await machines.get(id);
  const qmp = await machines.qmp(id);
  const [facts, runState, migration, capabilities, parameters, blocks, disks] = await Promise.all([
    machines.facts(id),
    queryRunState(qmp),
    queryMigration(qmp),
    queryCapabilities(qmp),
    queryParameters(qmp),
    readRamFiles(qmp, machine.pid),
    workingDirectory(machine).then((cwd) => diskNodes(qmp, cwd)),
  ]);
  const ramBytes = ramBlockBytes(blocks);
  return { machine, facts, qmp, runState, migration, capabilities, parameters, blocks, ramBytes, disks };
}

/** What QEMU's relative paths are relative to. */
async function workingDirectory(machine: Machine): Promise<string> {
  const recorded = machine.recipe?.cwd ?? '/';
  return machine.pid === null ? recorded : readlink(`/proc/${String(machine.pid)}/cwd`).catch(() => recorded);
}

/** Why this VM cannot be saved now by any engine, in QEMU's words where it has any; null when it can. */
export function whyBlocked(vm: VmReading): StillframeError | null {
  const blocked = (what: string, todo: string): StillframeError => fail('save.blocked', DOING, what, todo);
  if (!isAtRest(vm.migration))
    return blocked(`Another migration of this VM is under way (${vm.migration.status})`, 'Wait for it to end.');
  if (vm.runState.status === 'postmigrate')
    return blocked(
      "Can't migrate the vm that was paused due to previous migration",
      'Resume the VM, then save it again.',
    );
  if (vm.runState.status === 'inmigrate')
    return blocked('The VM waits for an incoming migration', 'Wait until it has been loaded.');
  const [reason] = vm.migration['blocked-reasons'];
  if (reason !== undefined) return blocked(reason.replace(/\.+$/, ''), 'Take away what blocks it, then save.');
  return null;
}

/** Where a save goes: the folder that is written under a temporary name beside it, and its final name. */
export interface Destination {
  readonly parent: string;
  /** Set when the caller fixed the folder's name (`--out` names a folder that is not there yet). */
  readonly fixedName: string | null;
}

/**
 * `out` is used as `cp` would: a folder that exists gets the snapshot folder inside, a path that does not exist becomes the
 * snapshot folder. null is the library.
 */
export async function destinationOf(out: string | null, library: string): Promise<Destination> {
  if (out === null) return { parent: library, fixedName: null };
  const path = resolve(out);
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory() === true) return { parent: path, fixedName: null };
  if (info !== null)
    throw fail('file.exists', DOING, 'A file is in the way of the snapshot folder', 'Choose another folder.', {
      where: { path },
    });
  return { parent: dirname(path), fixedName: basename(path) };
}

/** Free bytes of the file system for this user, and a refusal when the folder cannot be written to. */
export async function freeBytesOf(folder: string): Promise<number> {
  try {
    const info = await stat(folder);
    if (!info.isDirectory()) throw new Error('it is not a folder');
    await access(folder, constants.W_OK | constants.X_OK);
    return await freeBytes(folder);
  } catch (cause) {
    throw fail('file.no-access', DOING, 'The snapshot cannot be written there', 'Choose another folder.', {
      where: { path: folder },
      cause,
    });
  }
}

export interface Space {
  readonly atMost: number;
  readonly free: number;
}

/** How much the file may take and how much is free. */
export async function spaceFor(vm: VmReading, parent: string, mode: SaveOptions['mode']): Promise<Space> {
  const live = mode === 'live' && isRunning(vm.runState);
  const [atMost, free] = await Promise.all([fileBytesAtMost(vm.blocks, vm.machine.pid, live), freeBytesOf(parent)]);
  return { atMost, free };
}

const mib = (bytes: number): string => `${String(Math.ceil(bytes / 1024 / 1024))} MiB`;

/** A refusal when the file might not fit; null when it does. */
export function whyNoSpace({ atMost, free }: Space, parent: string): StillframeError | null {
  if (free >= atMost) return null;
  return fail(
    'file.no-space',
    DOING,
    `The snapshot takes up to ${mib(atMost)} and ${mib(free)} are free`,
    'Free some space or save to another folder.',
    { where: { path: parent } },
  );
}
