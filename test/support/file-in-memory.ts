import { open } from 'node:fs/promises';
import { fileOffset } from '../../src-shared/bytes/units';
import { openPath } from '../../src-worker/io/file-source';

/** A file's bytes with where its holes are. */
export interface FileInMemory {
  readonly bytes: Uint8Array;
  readonly holes: readonly (readonly [number, number])[];
}

/** Reads a whole file, holes and all; for small ones. */
export async function readFileWithHoles(path: string): Promise<FileInMemory> {
  const source = await openPath(path);
  const handle = await open(path);
  try {
    const bytes = new Uint8Array(await source.size());
    const holes: [number, number][] = [];
    for (let at = 0; at < bytes.length;) {
      const extent = await source.extentAt(fileOffset(at));
      if (extent === null) break;
      if (extent.kind === 'hole') holes.push([at, at + extent.length]);
      else await handle.read(bytes, at, extent.length, at);
      at += extent.length;
    }
    return { bytes, holes };
  } finally {
    await handle.close();
    await source.close();
  }
}
