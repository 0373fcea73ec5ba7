/** What every load engine offers, and the part of a load that is QEMU's. */
import { randomUUID } from 'node:crypto';
import type { LoadEngine } from '@shared/contracts/library';
import type { Recipe } from '@shared/contracts/machines';
import type { ChannelPool, FileRegistry, InheritedFile, MachineService, Qmp, WorkerPool } from '../../services';
import {
  capabilityChanges,
  parameterChanges,
  queryCapabilities,
  queryParameters,
  setCapabilities,
  setParameters,
  settled,
  type Capabilities,
  type Parameters,
} from '../migration';
import { untilLoaded } from './until-loaded';

const SETTLE_LIMIT_MS = 60_000;

/** The rooms of main that loading uses. */
export interface LoadRooms {
  readonly machines: MachineService;
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly channels: ChannelPool;
}

/** A block of the file. The places are those of a mapped-ram file, null in others. */
export interface LoadBlock {
  readonly name: string;
  readonly usedLength: number;
  readonly pageSize: number | null;
  readonly pagesOffset: number | null;
}

export interface LoadPlan {
  readonly engine: LoadEngine;
  readonly recipe: Recipe;
  readonly memoryFile: string;
  /** Where the stream begins: 0 but for containers (libvirt) and `offset=`. */
  readonly streamOffset: number;
  /** null for a legacy stream, which is read from front to back. */
  readonly mappedRam: { readonly channels: number } | null;
  /** Blocks of the file, to compare with those of the VM that is to take them. */
  readonly blocks: readonly LoadBlock[];
  readonly run: boolean;
}

/** A QEMU that waits for its memory. */
export type Waiting = Awaited<ReturnType<MachineService['launchIncoming']>>;

/** One load, from before QEMU is started. */
export interface Loader {
  /** Files that QEMU inherits; they are closed here when it has started. */
  readonly inherit: readonly InheritedFile[];
  /** Brings the memory in. `stallMs`: how long QEMU may neither get on nor read. */
  load(waiting: Waiting, stallMs: number): Promise<void>;
  /** Lets go of everything, whatever became of the load. Once QEMU has started it may be called early for what it inherited. */
  release(): Promise<void>;
}

/** How a QEMU is to load. */
export interface Incoming {
  readonly uri: string;
  readonly capabilities: Capabilities;
  readonly parameters: Parameters;
}

/** Lets QEMU load and waits for the end; its own settings are back afterwards. Rejects in QEMU's words. */
export async function loadIncoming(
  { qmp, process: { pid } }: Pick<Waiting, 'qmp' | 'process'>,
  incoming: Incoming,
  stallMs: number,
): Promise<void> {
  const before = { capabilities: await queryCapabilities(qmp), parameters: await queryParameters(qmp) };
  const capabilities = capabilityChanges(before.capabilities, incoming.capabilities);
  const parameters = parameterChanges(before.parameters, incoming.parameters);
  await setParameters(qmp, parameters);
  await setCapabilities(qmp, capabilities);
  await qmp.execute('migrate-incoming', { uri: incoming.uri });
  await untilLoaded(qmp, pid, stallMs);
  await settled(qmp, SETTLE_LIMIT_MS);
  await setCapabilities(qmp, new Map([...capabilities].map(([name, state]) => [name, !state])));
  await setParameters(qmp, Object.fromEntries(Object.keys(parameters).map((name) => [name, before.parameters[name]])));
}

/** Hands QEMU a descriptor to load an ordinary stream from, and answers how. */
export async function incomingStream(qmp: Qmp, fd: number): Promise<Incoming> {
  const fdname = `stillframe-${randomUUID()}`;
  await qmp.execute('getfd', { fdname }, { fds: [fd] });
  return { uri: `fd:${fdname}`, capabilities: new Map([['events', true]]), parameters: {} };
}
