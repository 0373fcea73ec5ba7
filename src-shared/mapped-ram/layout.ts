import { struct, uint } from '../bytes/table';

/**
 * The 28 packed, big-endian bytes behind a block's used length in a mapped-ram stream
 * (QEMU migration/ram.c, `MappedRamHeader`).
 */
export const MAPPED_RAM_HEADER = struct('mapped-ram header', 'header', [
  uint('version', 4, 'Version of this header. QEMU refuses one it does not know; 1 is the only one so far.'),
  uint('page size', 8, 'Bytes of a target page: one bit of the bitmap, one slot of the pages.'),
  uint('bitmap offset', 8, 'Where the bitmap of pages in the file is. Absolute in the file.', { show: 'hex' }),
  uint('pages offset', 8, 'Page n is at this offset + n × page size. Absolute in the file.', { show: 'hex' }),
]);

/** The version this code reads. */
export const MAPPED_RAM_VERSION = 1;
