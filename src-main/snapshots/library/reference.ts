/** Finding a file or folder that a person named. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fail } from '@shared/contracts/failure';
import { readSize } from '../../files/size';
import { MANIFEST_FILE } from '../manifest';
import { exists } from '../paths';

/** QEMU's way to say where a stream starts: `FILE,offset=SIZE`. */
export interface FileReference {
  readonly path: string;
  /** Where the stream starts in it; null: it is looked for. */
  readonly streamOffset: number | null;
}

/** Splits `FILE,offset=SIZE` as text; the path stays as it was given. `usage` for an offset that is no size (`readSize`). */
export function splitFileReference(text: string): FileReference {
  const [, path, size] = /^(.+),offset=([^,]*)$/s.exec(text) ?? [];
  if (path === undefined || size === undefined) return { path: text, streamOffset: null };
  const streamOffset = readSize(size);
  if (streamOffset !== null) return { path, streamOffset };
  throw fail(
    'usage',
    'reading where the stream starts',
    `The offset "${size}" is no number of bytes below 2^53, such as 4096, 0x1000 or 1M`,
    'Correct it, or leave it out to have the stream looked for.',
    { where: { path } },
  );
}

/** `FILE` or `FILE,offset=SIZE` with the path made absolute; a file that is really called so is itself. `usage` for a bad offset. */
export async function findFileReference(reference: string): Promise<FileReference> {
  const whole = resolve(reference);
  if (await exists(whole)) return { path: whole, streamOffset: null };
  const { path, streamOffset } = splitFileReference(reference);
  return { path: resolve(path), streamOffset };
}

/** How a person writes it: the opposite of `splitFileReference`. */
export const fileReferenceText = ({ path, streamOffset }: FileReference): string =>
  streamOffset === null ? path : `${path},offset=${String(streamOffset)}`;

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
