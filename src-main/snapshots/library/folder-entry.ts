/** One folder of the library as an entry: what it claims, and whether that holds. */
import { lstat, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { failureOf } from '@shared/contracts/failure';
import type { Manifest, SnapshotEntry, SnapshotId, SnapshotState } from '@shared/contracts/library';
import { MEMORY_FILE, MANIFEST_FILE, readManifest, SCREEN_FILE } from '../manifest';
import { SAVING_PREFIX } from '../names';
import { isAlive, readOwner, type Owner } from '../owner';

/** Where the app serves the picture of a snapshot's screen. */
export const screenUrlOf = (id: SnapshotId): string => `app://stillframe/screen/${id}`;

/** A folder keeps its inode when it is renamed, so the id survives that. */
async function idOf(folder: string): Promise<SnapshotId> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `s-${dev.toString(36)}-${ino.toString(36)}` as SnapshotId;
}

interface Sizes {
  readonly fileBytes: number;
  readonly bytesOnDisk: number;
  readonly modified: Date | null;
}

/** Size and allocation of a regular file; null for anything else: links out of the library are not followed. */
async function sizesOf(path: string): Promise<Sizes | null> {
  const info = await lstat(path).catch(() => null);
  if (info?.isFile() !== true) return null;
  return { fileBytes: info.size, bytesOnDisk: info.blocks * 512, modified: info.mtime };
}

/** Reads a sealed (or supposedly sealed) snapshot folder. Rejects only when the folder itself is gone. */
export async function readFolder(folder: string): Promise<SnapshotEntry> {
  const id = await idOf(folder);
  const memory = await sizesOf(join(folder, MEMORY_FILE));
  const hasScreen = (await sizesOf(join(folder, SCREEN_FILE))) !== null;
  const manifest = await readManifest(folder).catch((error: unknown) => failureOf(error, 'reading the manifest'));
  const common = { id, name: basename(folder), folder, ...memoryOf(folder, memory) };
  const screenUrl = hasScreen ? screenUrlOf(id) : null;
  if ('what' in manifest) {
    const field = manifest.where.field === undefined ? '' : ` (${manifest.where.field})`;
    return { ...nothingKnown(common, memory), state: { kind: 'damaged', why: `${manifest.what}${field}.` }, screenUrl };
  }
  return {
    ...common,
    streamOffset: 0,
    note: manifest.note,
    state: stateOf(manifest, memory),
    machineName: manifest.machineName,
    savedAt: manifest.savedAt,
    ramBytes: manifest.memoryBytes,
    manifest,
    screenUrl,
  };
}

type Common = Pick<SnapshotEntry, 'id' | 'name' | 'folder' | 'memoryFile' | 'fileBytes' | 'bytesOnDisk'>;

function memoryOf(
  folder: string,
  memory: Sizes | null,
): Pick<SnapshotEntry, 'memoryFile' | 'fileBytes' | 'bytesOnDisk'> {
  return {
    memoryFile: memory === null ? null : join(folder, MEMORY_FILE),
    fileBytes: memory?.fileBytes ?? 0,
    bytesOnDisk: memory?.bytesOnDisk ?? 0,
  };
}

/** An entry about which only the files speak. */
function nothingKnown(common: Common, memory: Sizes | null): Omit<SnapshotEntry, 'state'> {
  return {
    ...common,
    streamOffset: null,
    note: '',
    machineName: null,
    savedAt: memory?.modified?.toISOString() ?? null,
    ramBytes: null,
    manifest: null,
    screenUrl: null,
  };
}

function stateOf(manifest: Manifest, memory: Sizes | null): SnapshotState {
  if (memory === null) return { kind: 'damaged', why: `There is no ${MEMORY_FILE}.` };
  if (memory.fileBytes !== manifest.memoryFileBytes)
    return {
      kind: 'damaged',
      why: `${MEMORY_FILE} has ${String(memory.fileBytes)} bytes, and ${MANIFEST_FILE} says ${String(manifest.memoryFileBytes)}.`,
    };
  return { kind: 'good', durable: manifest.durable };
}

/** Whether a folder's name says that a save has not finished it. */
export const isUnfinished = (folder: string): boolean => basename(folder).startsWith(SAVING_PREFIX);

/**
 * Reads an unfinished folder: null while its save runs, here or in another process, and an interrupted entry otherwise.
 * `liveFolders` are those of this process's running saves.
 */
export async function readUnfinished(folder: string, liveFolders: ReadonlySet<string>): Promise<SnapshotEntry | null> {
  const owner = await readOwner(folder);
  if (liveFolders.has(folder)) return null;
  if (owner !== null && owner.pid !== process.pid && (await isAlive(owner))) return null;
  const id = await idOf(folder);
  const memory = await sizesOf(join(folder, MEMORY_FILE));
  const common = { id, name: basename(folder), folder, ...memoryOf(folder, memory) };
  return {
    ...nothingKnown(common, memory),
    name: basename(folder).slice(1),
    state: { kind: 'interrupted', why: whyInterrupted(owner, memory !== null) },
    machineName: owner?.machineName ?? null,
    savedAt: owner?.startedAt ?? memory?.modified?.toISOString() ?? null,
  };
}

function whyInterrupted(owner: Owner | null, hasMemory: boolean): string {
  const who = owner === null ? 'The save' : `The save ${owner.snapshotName}, begun ${owner.startedAt},`;
  const rest = hasMemory ? 'What was written can be inspected.' : 'Nothing was written.';
  return `${who} ended before it was sealed. ${rest}`;
}
