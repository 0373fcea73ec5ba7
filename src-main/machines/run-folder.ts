/**
 * The folder of a running VM: its sockets, its log, its pictures, and the record by which any Stillframe of this user finds
 * it again. It is named after the machine, so making it is also the lock that lets only one Stillframe start the machine.
 */
import { fail, StillframeError } from '@shared/contracts/failure';
import type { MachineId, Recipe } from '@shared/contracts/machines';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeAside } from '../files/write-aside';
import { chooseSockets, removeExtraFolder, type Sockets } from '../qemu/launch';
import { allPids, commandLineOf, identify, isAlive, killProcess, type ProcessIdentity } from '../qemu/proc';
import { fileFailure } from './file-failure';
import { isMachineId, recipeSchema } from './known';

const RECORD = 'vm.json';
/** The record follows its folder within milliseconds. */
const UNFINISHED_MS = 60_000;
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const identitySchema = v.object({ pid: v.pipe(count, v.minValue(1)), startTicks: count });

const recordSchema = v.object({
  version: v.literal(1),
  machine: v.string(),
  recipe: recipeSchema,
  phase: v.picklist(['launching', 'incoming', 'ours']),
  owner: identitySchema,
  vm: v.nullable(identitySchema),
  sockets: v.object({ qmp: v.string(), tools: v.string(), extraFolder: v.nullable(v.string()) }),
  startedAt: v.pipe(v.string(), v.isoTimestamp()),
  // Records of earlier versions, whose VMs run on, do not have it.
  privateRam: v.optional(v.nullable(v.string()), 'It was started by an earlier version of Stillframe'),
});

export interface RunRecord {
  readonly machine: MachineId;
  readonly recipe: Recipe;
  /** `launching` and `incoming`: `owner` is still at it. `ours`: a VM that lives on its own. */
  readonly phase: 'launching' | 'incoming' | 'ours';
  /** The Stillframe that started it. */
  readonly owner: ProcessIdentity;
  readonly vm: ProcessIdentity | null;
  readonly sockets: Sockets;
  readonly startedAt: string;
  /** Why its memory is not shared, as a sentence without its full stop; null when it is. */
  readonly privateRam: string | null;
}

/** What is to be thought of a run folder. */
export type Found =
  | { readonly kind: 'running'; readonly record: RunRecord; readonly vm: ProcessIdentity }
  /** Another Stillframe is starting it. */
  | { readonly kind: 'starting'; readonly record: RunRecord }
  /** The VM has ended, or never came up, and nobody has cleaned up yet. */
  | { readonly kind: 'ended'; readonly record: RunRecord };

export class RunFolders {
  constructor(private readonly run: string) {}

  async prepare(): Promise<void> {
    await mkdir(this.run, { recursive: true, mode: 0o700 });
  }

  path(id: MachineId): string {
    return join(this.run, id);
  }

  /** Makes the folder and its first record; `machine.wrong-state` when another Stillframe was faster. */
  async create(id: MachineId, recipe: Recipe, phase: 'launching' | 'incoming'): Promise<RunRecord> {
    const folder = this.path(id);
    const owner = await identify(process.pid);
    if (owner === null) throw new Error('/proc does not show this process');
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileFailure(error, 'making a run folder', folder);
      throw fail(
        'machine.wrong-state',
        'starting the VM',
        `${recipe.name} is already running or being started by another Stillframe`,
        'Look at the list of machines.',
        { where: { path: folder } },
      );
    }
    try {
      const sockets = await chooseSockets(folder);
      const record: RunRecord = {
        machine: id,
        recipe,
        phase,
        owner,
        vm: null,
        sockets,
        startedAt: new Date().toISOString(),
        privateRam: null,
      };
      await this.write(record);
      return record;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error instanceof StillframeError ? error : fileFailure(error, 'making a run folder', folder);
    }
  }

  async write(record: RunRecord): Promise<void> {
    await writeAside(join(this.path(record.machine), RECORD), JSON.stringify({ version: 1, ...record }));
  }

  /** Removes the folder of a VM that has ended, with its sockets. */
  async remove(record: RunRecord): Promise<void> {
    await rm(this.path(record.machine), { recursive: true, force: true });
    await removeExtraFolder(record.sockets);
  }

  /** All run folders with what became of their VMs. A start that its Stillframe did not live to finish is ended here. */
  async all(): Promise<readonly Found[]> {
    const names: readonly string[] = await readdir(this.run).catch(() => []);
    const found = await Promise.all(names.filter(isMachineId).map((id) => this.look(id)));
    return found.filter((entry) => entry !== null);
  }

  private async look(id: MachineId): Promise<Found | null> {
    const record = await this.read(id);
    if (record === null) {
      await this.removeUnfinished(id);
      return null;
    }
    const vmLives = record.vm !== null && (await isAlive(record.vm));
    if (record.phase === 'ours') {
      return vmLives && record.vm !== null ? { kind: 'running', record, vm: record.vm } : { kind: 'ended', record };
    }
    if (await isAlive(record.owner)) return { kind: 'starting', record };
    if (vmLives && record.vm !== null) await killProcess(record.vm);
    else await killByArgument(`unix:${record.sockets.qmp},`);
    return { kind: 'ended', record };
  }

  /** A folder whose maker died before its first record would lock its machine for ever. */
  private async removeUnfinished(id: MachineId): Promise<void> {
    const folder = this.path(id);
    const names = await readdir(folder).catch(() => [RECORD]);
    if (names.includes(RECORD)) return;
    const age = Date.now() - (await stat(folder)).mtimeMs;
    if (age > UNFINISHED_MS) await rm(folder, { recursive: true, force: true });
  }

  private async read(id: MachineId): Promise<RunRecord | null> {
    try {
      const { machine, ...rest } = v.parse(
        recordSchema,
        JSON.parse(await readFile(join(this.path(id), RECORD), 'utf8')),
      );
      return machine === id ? { machine: id, ...rest } : null;
    } catch {
      return null;
    }
  }
}

/** Ends the QEMU that was started with this word in its command line, if its start was cut short before its pid was kept. */
async function killByArgument(start: string): Promise<void> {
  for (const pid of await allPids()) {
    const words = await commandLineOf(pid);
    const has = words?.some((word, index) => word.startsWith(start) && words[index - 1] === '-qmp') ?? false;
    if (!has) continue;
    const identity = await identify(pid);
    if (identity !== null) await killProcess(identity);
  }
}
