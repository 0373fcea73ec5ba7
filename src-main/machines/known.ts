/** Machines that are known: one small JSON file each under the user's data. */
import type { MachineFacts, MachineId, Recipe } from '@shared/contracts/machines';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeAside } from '../files/write-aside';
import { fileFailure } from './file-failure';

const MAX_FILE_BYTES = 1024 * 1024;

const text = v.pipe(v.string(), v.maxLength(256 * 1024));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const recipeSchema = v.pipe(
  v.object({
    name: text,
    program: text,
    argv: v.pipe(v.array(text), v.maxLength(4096)),
    env: v.record(text, text),
    cwd: text,
  }),
  v.readonly(),
);

const factsSchema = v.object({
  qemuVersion: text,
  machineType: text,
  accelerator: v.picklist(['tcg', 'kvm', 'other']),
  cpuModel: v.nullable(text),
  cpus: count,
  memoryBytes: count,
  hasDisplay: v.boolean(),
  memory: v.optional(v.nullable(v.picklist(['shared', 'private'])), null),
  saveBlocked: v.nullable(text),
});

const knownSchema = v.object({
  version: v.literal(1),
  id: text,
  name: text,
  recipe: recipeSchema,
  facts: v.nullable(factsSchema),
  since: v.pipe(v.string(), v.isoTimestamp()),
  crash: v.nullable(v.object({ what: text, detail: text })),
});

/** How a VM ended that nobody asked to end. */
export interface Crash {
  readonly what: string;
  readonly detail: string;
}

/** What is kept of a machine while it is off. */
export interface KnownMachine {
  readonly id: MachineId;
  readonly name: string;
  readonly recipe: Recipe;
  /** As last seen. */
  readonly facts: MachineFacts | null;
  readonly since: string;
  readonly crash: Crash | null;
}

/** A name that is safe as a file name and short enough for a socket's path. */
export const isMachineId = (name: string): name is MachineId => /^[0-9a-z]{8,24}$/.test(name);

export class KnownMachines {
  private readonly folder: string;

  constructor(data: string) {
    this.folder = join(data, 'machines');
  }

  async prepare(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  /** Every machine with a readable file. A file that is none of ours, or damaged, is left alone. */
  async all(): Promise<readonly KnownMachine[]> {
    const names = await readdir(this.folder).catch(() => []);
    const found = await Promise.all(names.filter((name) => name.endsWith('.json')).map((name) => this.read(name)));
    return found.filter((machine) => machine !== null);
  }

  async save(machine: KnownMachine): Promise<void> {
    const path = join(this.folder, `${machine.id}.json`);
    await writeAside(path, `${JSON.stringify({ version: 1, ...machine }, null, 2)}\n`).catch((error: unknown) => {
      throw fileFailure(error, 'keeping what is known of the machine', path);
    });
  }

  async remove(id: MachineId): Promise<void> {
    await rm(join(this.folder, `${id}.json`), { force: true });
    await rm(this.lastFrame(id), { force: true });
  }

  /** Where the last picture of the machine's screen is kept while it is off. */
  lastFrame(id: MachineId): string {
    return join(this.folder, `${id}.png`);
  }

  private async read(name: string): Promise<KnownMachine | null> {
    const path = join(this.folder, name);
    try {
      if ((await stat(path)).size > MAX_FILE_BYTES) return null;
      const { id, ...known } = v.parse(knownSchema, JSON.parse(await readFile(path, 'utf8')));
      return isMachineId(id) && name === `${id}.json` ? { id, ...known } : null;
    } catch {
      return null;
    }
  }
}
