import { ByteCursor } from '../bytes/cursor';
import type { ByteSource } from '../bytes/source';
import { asciiBytes, sameBytes } from '../bytes/text';
import { byteCount, fileOffset, hex, type FileOffset } from '../bytes/units';
import { fail } from '../contracts/failure';
import { LIBVIRT_MAGIC, LIBVIRT_PARTIAL_MAGIC, readLibvirtImage } from '../libvirt/image';
import type { Layout } from './layout';
import type { Container } from './model';

/** A stream behind zeros or a hole is looked for this far: `file:PATH,offset=N` is used with small N. */
export const SEARCH_LIMIT = 64 * 1024 * 1024;

const CHUNK = 256 * 1024;
const STREAM_MAGIC = asciiBytes('QEVM');

/**
 * Finds where the stream begins: at `streamOffset`, else at 0, else behind zeros or a hole within the first 64 MiB.
 * A libvirt save image is looked into, wherever it begins.
 *
 * Rejects with `format.not-a-stream` for other files, `format.unsupported` for a libvirt image that a program packed.
 */
export async function findContainer(
  source: ByteSource,
  size: number,
  layout: Layout,
  streamOffset: number | null,
): Promise<Container> {
  const start = streamOffset === null ? await firstNonZero(source, size) : fileOffset(streamOffset);
  const magic = await source.read(start, byteCount(16));
  if (sameBytes(magic.subarray(0, 4), STREAM_MAGIC)) {
    return { kind: 'qemu', start, streamOffset: start, libvirt: null };
  }
  if (sameBytes(magic, asciiBytes(LIBVIRT_MAGIC)) || sameBytes(magic, asciiBytes(LIBVIRT_PARTIAL_MAGIC))) {
    const image = await readLibvirtImage(new ByteCursor(source, size, start), layout.libvirtHeader);
    return { kind: 'libvirt', start, streamOffset: image.streamOffset, libvirt: image.image };
  }
  throw notAStream(
    source,
    start,
    size === 0
      ? 'the file is empty'
      : `at ${hex(start)} there is neither QEVM nor LibvirtQemudSave, so this is no migration stream`,
  );
}

/** Offset of the first byte that is not zero; holes are stepped over without reading. */
async function firstNonZero(source: ByteSource, size: number): Promise<FileOffset> {
  const limit = Math.min(size, SEARCH_LIMIT);
  for (let offset = 0; offset < limit;) {
    const extent = await source.extentAt(fileOffset(offset));
    if (extent === null) break;
    const extentEnd = extent.offset + extent.length;
    if (extent.kind === 'hole') {
      offset = Math.max(extentEnd, offset + 1);
      continue;
    }
    const chunk = await source.read(fileOffset(offset), byteCount(Math.min(CHUNK, limit - offset, extentEnd - offset)));
    if (chunk.length === 0) break;
    const at = chunk.findIndex((byte) => byte !== 0);
    if (at >= 0) return fileOffset(offset + at);
    offset += chunk.length;
  }
  throw notAStream(
    source,
    0,
    size === 0 ? 'the file is empty' : `its first ${size < SEARCH_LIMIT ? hex(size) : '64 Mi'} bytes are all zero`,
  );
}

function notAStream(source: ByteSource, offset: number, what: string): Error {
  return fail('format.not-a-stream', 'opening the file', what, 'Choose a file that QEMU or virsh save wrote.', {
    where: { path: source.name, offset: fileOffset(offset), field: 'magic' },
  });
}
