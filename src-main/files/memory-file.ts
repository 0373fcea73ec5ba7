/** A file in memory, without a name: it lives as long as somebody has it open or mapped. Linux. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import koffi from 'koffi';
import { checked, closeFd, SystemError } from './system-call';

const MFD_CLOEXEC = 1;
const MFD_HUGETLB = 4;
const MFD_NOEXEC_SEAL = 8;

const memfdCreate = koffi.load('libc.so.6').func('int memfd_create(const char *name, unsigned int flags)') as (
  name: string,
  flags: number,
) => number;

/**
 * Makes a file of `bytes` bytes, all holes, open to read and write. It is in tmpfs but in no mounted one, so no mount's size
 * limits it, and where the system takes huge pages for shared memory (`shmem_enabled`) it gets them on advice. With
 * `hugePages` it is made of reserved huge pages, of which `bytes` must be a multiple, and cannot be written but through a
 * mapping. `name` shows in /proc only. Throws a `SystemError`, and what ftruncate(2) says of too many bytes.
 */
export async function makeMemoryFile(name: string, bytes: number, hugePages = false): Promise<FileHandle> {
  const fd = create(name, MFD_CLOEXEC | (hugePages ? MFD_HUGETLB : 0));
  let file: FileHandle | null = null;
  try {
    // Opening it by its descriptor makes another description of the same file, owned by a handle.
    file = await open(`/proc/self/fd/${String(fd)}`, constants.O_RDWR);
    await file.truncate(bytes);
    return file;
  } catch (error) {
    await file?.close();
    throw error;
  } finally {
    closeFd(fd);
  }
}

/** Linux before 6.3 does not know MFD_NOEXEC_SEAL; later ones may insist on it (`vm.memfd_noexec`). */
function create(name: string, flags: number): number {
  try {
    return checked('memfd_create', memfdCreate(name, flags | MFD_NOEXEC_SEAL));
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'EINVAL') throw error;
    return checked('memfd_create', memfdCreate(name, flags));
  }
}
