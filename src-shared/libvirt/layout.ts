import { bytes, struct, text, uint } from '../bytes/table';

/** `header.format` of a libvirt save image. */
export const LIBVIRT_FORMATS: Readonly<Record<number, string>> = {
  0: 'raw',
  1: 'gzip',
  2: 'bzip2',
  3: 'xz',
  4: 'lzop',
  5: 'zstd',
  6: 'sparse',
};

/** The 92 bytes in front of the domain XML; its integers are in the saving host's byte order (libvirt qemu_saveimage.h). */
export const LIBVIRT_HEADER = struct('libvirt header', 'container', [
  text('magic', 16, 'LibvirtQemudSave, or LibvirtQemudPart while the save is incomplete.'),
  uint('version', 4, 'Version of the save image, 2. Its byte order is that of every integer here.'),
  uint('data length', 4, 'Bytes of domain XML, cookie and padding between this header and the stream.'),
  uint('was running', 4, 'Whether the VM ran when it was saved.', { words: { 0: 'paused', 1: 'running' } }),
  uint('format', 4, 'How the stream is stored: raw, sparse (mapped-ram), or packed by a program.', {
    words: LIBVIRT_FORMATS,
  }),
  uint('cookie offset', 4, 'Where in the data the cookie begins; 0 when there is none.'),
  bytes('unused', 56, 'Zero.'),
]);
