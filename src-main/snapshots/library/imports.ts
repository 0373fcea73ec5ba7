/** Bare files that were made known to the library. They stay where they are; only references are kept. */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, failureOf } from '@shared/contracts/failure';
import type { SnapshotEntry, SnapshotId } from '@shared/contracts/library';
import * as v from 'valibot';
import { writeAside } from '../../files/write-aside';
import { readSmallFile } from '../../files/small-file';

const IMPORTS_FILE = 'imports.json';
const MAX_BYTES = 4 * 1024 * 1024;

const importSchema = v.object({
  id: v.pipe(v.string(), v.regex(/^i-[0-9a-f-]{36}$/)),
  path: v.string(),
  /** Where the stream starts, when the person said so; null: found by itself. */
  streamOffset: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  name: v.string(),
  note: v.string(),
  addedAt: v.pipe(v.string(), v.isoTimestamp()),
  machineType: v.nullable(v.string()),
  ramBytes: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});
const fileSchema = v.object({
  formatVersion: v.literal(1),
  imports: v.pipe(v.array(importSchema), v.maxLength(10_000)),
});

export type Import = v.InferOutput<typeof importSchema>;

export class Imports {
  /** Changes wait for each other: two at once would lose one. */
  #lane: Promise<unknown> = Promise.resolve();
  readonly path: string;

  constructor(library: string) {
    this.path = join(library, IMPORTS_FILE);
  }

  /** Every reference. Rejects with `library.bad-manifest` when the list cannot be understood: it is not overwritten then. */
  async list(): Promise<readonly Import[]> {
    const text = await readSmallFile(this.path, MAX_BYTES).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '{"formatVersion":1,"imports":[]}';
      throw error;
    });
    const unreadable = (cause?: unknown): Error =>
      fail(
        'library.bad-manifest',
        'reading the list of imports',
        'The list of imported files is damaged',
        'Repair or move it away.',
        {
          where: { path: this.path },
          ...(cause === undefined ? {} : { cause }),
        },
      );
    let value: unknown;
    try {
      value = JSON.parse(text ?? 'null');
    } catch (cause) {
      throw unreadable(cause);
    }
    const parsed = v.safeParse(fileSchema, value);
    if (!parsed.success) throw unreadable();
    return parsed.output.imports;
  }

  async add(about: Omit<Import, 'id' | 'addedAt'>): Promise<Import> {
    const added: Import = { ...about, id: `i-${randomUUID()}`, addedAt: new Date().toISOString() };
    await this.#change((imports) => [...imports, added]);
    return added;
  }

  async update(id: SnapshotId, change: Partial<Pick<Import, 'name' | 'note'>>): Promise<void> {
    await this.#change((imports) => imports.map((one) => (one.id === (id as string) ? { ...one, ...change } : one)));
  }

  async remove(id: SnapshotId): Promise<void> {
    await this.#change((imports) => imports.filter((one) => one.id !== (id as string)));
  }

  async #change(edit: (imports: readonly Import[]) => readonly Import[]): Promise<void> {
    const change = this.#lane.then(async () => {
      const imports = edit(await this.list());
      await writeAside(this.path, `${JSON.stringify({ formatVersion: 1, imports }, null, 2)}\n`);
    });
    this.#lane = change.catch(() => undefined);
    await change;
  }
}

/** A reference as an entry; a file that is gone is damaged, not forgotten. */
export async function importEntry(reference: Import): Promise<SnapshotEntry> {
  const info = await stat(reference.path).catch(() => null);
  const usable = info !== null && (info.isFile() || info.isBlockDevice());
  return {
    id: reference.id as SnapshotId,
    name: reference.name,
    note: reference.note,
    state: usable ? { kind: 'imported' } : { kind: 'damaged', why: `${reference.path} is not there any more.` },
    folder: dirname(reference.path),
    memoryFile: usable ? reference.path : null,
    streamOffset: reference.streamOffset,
    machineName: null,
    savedAt: info?.mtime.toISOString() ?? reference.addedAt,
    ramBytes: reference.ramBytes,
    fileBytes: info?.size ?? 0,
    bytesOnDisk: (info?.blocks ?? 0) * 512,
    manifest: null,
    screenUrl: null,
  };
}

/** The list itself as an entry, when it cannot be read: the rest of the library goes on, and this can be moved away. */
export function damagedList(path: string, error: unknown): SnapshotEntry {
  return {
    id: 's-imports' as SnapshotId,
    name: basename(path),
    note: '',
    state: {
      kind: 'damaged',
      why: `${failureOf(error, 'reading the list of imports').what}. Repair it or move it away.`,
    },
    folder: path,
    memoryFile: null,
    streamOffset: null,
    machineName: null,
    savedAt: null,
    ramBytes: null,
    fileBytes: 0,
    bytesOnDisk: 0,
    manifest: null,
    screenUrl: null,
  };
}
