import type { FileHandle } from 'node:fs/promises';
import { fail } from '@shared/contracts/failure';
import { makeMemoryFile } from '../files/memory-file';

/** Memory of a guest: a file on tmpfs that has no name and is gone with its last holder. Rejects with `file.io`. */
export async function makeMemory(bytes: number): Promise<FileHandle> {
  try {
    return await makeMemoryFile('stillframe-synthetic', bytes);
  } catch (cause) {
    const what = `${bytes} bytes of shared memory cannot be had`;
    throw fail('file.io', 'making memory for a guest', what, 'Choose less memory.', { cause });
  }
}
