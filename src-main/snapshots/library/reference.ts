/** Finding a file or folder that a person named on the command line. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MANIFEST_FILE } from '../manifest';
import { exists } from '../paths';

/** QEMU's way to say where a stream starts: `FILE,offset=SIZE`. */
export interface FileReference {
  readonly path: string;
  readonly streamOffset: number | null;
}

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Splits `FILE,offset=SIZE`; SIZE is decimal or 0x…, with an optional k, M, G or T as QEMU takes them. */
export function parseFileReference(reference: string): FileReference {
  const match = /^(.+),offset=(0x[0-9a-f]+|\d+)([kmgt]?)$/i.exec(reference);
  const [, path, digits, suffix] = match ?? [];
  if (path === undefined || digits === undefined) return { path: resolve(reference), streamOffset: null };
  const offset = Number(digits) * (SUFFIXES[suffix?.toLowerCase() ?? ''] ?? 1);
  return { path: resolve(path), streamOffset: Number.isSafeInteger(offset) ? offset : null };
}

/** The snapshot folder meant by a path: the folder itself, or the only snapshot folder inside it; null for anything else. */
export async function snapshotFolderAt(path: string): Promise<string | null> {
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory() !== true) return null;
  if (await exists(join(path, MANIFEST_FILE))) return path;
  const inside = await readdir(path, { withFileTypes: true });
  const folders: string[] = [];
  for (const entry of inside.slice(0, 1000))
    if (entry.isDirectory() && (await exists(join(path, entry.name, MANIFEST_FILE)))) folders.push(entry.name);
  const [only] = folders;
  return only !== undefined && folders.length === 1 ? join(path, only) : path;
}
